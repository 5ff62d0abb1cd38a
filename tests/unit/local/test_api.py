"""The API's answers, checked before they are used."""

import json
from datetime import UTC, datetime

import pytest

from local.show.api import ApiError, ApiUnavailableError, decoded, refusal
from local.show.reports import ImportReport, Started
from local.show.text import printable, size
from tests.unit.local.reports import ANSWER, WAITING, a_report


def test_a_report_has_all_its_counts() -> None:
    report = a_report()
    assert (report.done, report.pending, report.final) == (2301, 99, False)
    assert report.first_stored_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (report.name, report.message, report.waiting_for) == ("Holidays", None, None)


def test_an_older_api_gives_neither_a_name_nor_a_reason_to_wait() -> None:
    old = {key: value for key, value in ANSWER.items() if key not in ("name", "waiting_for")}
    report = decoded(json.dumps(old).encode(), ImportReport, "/imports/1")
    assert (report.name, report.waiting_for) == (None, None)


def test_the_reason_to_wait_is_one_line_with_its_end() -> None:
    assert str(a_report(waiting_for=WAITING).waiting_for) == "Google asks for a break."
    waiting = {**WAITING, "message": "Wait\x1b[2J\n.", "until": "2026-11-23T12:00:00Z"}
    said = str(a_report(waiting_for=waiting).waiting_for)
    assert said.startswith("Wait [2J . (until ")
    assert said.isprintable()


def test_the_equation_includes_what_was_skipped() -> None:
    assert a_report().equation() == (
        "2,400 found = 2,000 stored + 300 unchanged + 1 failed + 99 pending; "
        "skipped 12 not_an_image"
    )


def test_counts_that_do_not_add_up_are_not_called_equal() -> None:
    report = a_report(stored=1999)
    assert not report.closes
    assert "2,400 found ≠ 1,999 stored" in report.equation()


@pytest.mark.parametrize("state", ["completed", "completed_with_failures", "failed", "cancelled"])
def test_an_import_that_has_ended_is_final(state: str) -> None:
    assert a_report(state=state).final


@pytest.mark.parametrize("name", ["found", "stored", "pending", "stored_bytes"])
@pytest.mark.parametrize("value", [None, -1, "7", 1.5, True])
def test_an_impossible_count_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ApiError, match=name):
        a_report(**{name: value})


@pytest.mark.parametrize("missing", ["state", "found", "skipped", "failures"])
def test_a_missing_field_is_refused_by_name(missing: str) -> None:
    answer = {key: value for key, value in ANSWER.items() if key != missing}
    with pytest.raises(ApiError, match=rf"/imports/1 .*{missing}"):
        decoded(json.dumps(answer).encode(), ImportReport, "/imports/1")


@pytest.mark.parametrize("skipped", [None, [], {"reason": "many"}, {"reason": -1}])
def test_reasons_without_counts_are_refused(skipped: object) -> None:
    with pytest.raises(ApiError, match="skipped"):
        a_report(skipped=skipped)


@pytest.mark.parametrize("value", ["soon", 7, {}])
def test_an_impossible_time_is_refused(value: object) -> None:
    with pytest.raises(ApiError, match="first_stored_at"):
        a_report(first_stored_at=value)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"jobId": 7}', b"\xff"])
def test_an_answer_without_a_job_id_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError):
        decoded(raw, Started, "/import/google-drive")


def test_a_person_reads_the_detail_of_a_problem_and_a_script_its_code() -> None:
    body = b'{"title": "Bad", "detail": "This is a file\'s link.", "code": "file_link"}'
    error = refusal(400, body, "/import/google-drive")
    assert (str(error), error.code) == ("This is a file's link.", "file_link")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"null", b"\xff\x1b[2J"])
def test_a_body_that_is_not_a_problem_is_shown_with_its_status_on_one_line(body: bytes) -> None:
    said = str(refusal(404, body, "/imports/1"))
    assert said.startswith("/imports/1 answers 404: ")
    assert said.isprintable()


@pytest.mark.parametrize("status", [404, 409, 422, 500, 503])
def test_only_an_error_of_the_server_may_pass_by_itself(status: int) -> None:
    passes = isinstance(refusal(status, b"", "/"), ApiUnavailableError)
    assert passes is (status >= 500)


def test_text_from_elsewhere_is_cut_and_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[2Jb\nc") == "a [2Jb c"
    assert printable("x" * 300, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("bytes", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (15_000, "15.0 kB"),
        (62_140_000, "62.1 MB"),
        (10**16, "10,000.0 TB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(bytes: int, said: str) -> None:
    assert size(bytes) == said

"""What the API answers, checked before anything is made of it."""

from datetime import UTC, datetime

import pytest

from local.show.api import ApiError, detail, parsed

ANSWER: dict[str, object] = {
    "id": "import-1",
    "state": "transferring",
    "found": 2400,
    "stored": 2000,
    "unchanged": 300,
    "failed": 1,
    "pending": 99,
    "found_bytes": 5_000_000,
    "stored_bytes": 4_000_000,
    "skipped": {"not_an_image": 12},
    "failures": {"checksum_differs": 1},
    "first_stored_at": "2026-11-23T12:00:00Z",
    "message": None,
}


def test_an_answer_is_read_with_all_its_counts() -> None:
    progress = parsed(ANSWER)
    assert (progress.done, progress.pending, progress.final) == (2301, 99, False)
    assert progress.first_stored_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert progress.message == ""


def test_the_equation_is_said_with_what_was_skipped() -> None:
    assert parsed(ANSWER).equation() == (
        "2,400 found = 2,000 stored + 300 unchanged + 1 failed + 99 pending; "
        "skipped 12 not_an_image"
    )


def test_an_equation_that_does_not_close_is_not_called_one() -> None:
    progress = parsed({**ANSWER, "stored": 1999})
    assert not progress.closes
    assert "2,400 found ≠ 1,999 stored" in progress.equation()


@pytest.mark.parametrize("state", ["completed", "completed_with_failures", "failed", "cancelled"])
def test_an_import_in_a_last_state_is_final(state: str) -> None:
    assert parsed({**ANSWER, "state": state}).final


@pytest.mark.parametrize("name", ["found", "stored", "pending", "stored_bytes"])
@pytest.mark.parametrize("value", [None, -1, "7", 1.5, True])
def test_a_count_that_is_none_is_named(name: str, value: object) -> None:
    with pytest.raises(ApiError, match=name):
        parsed({**ANSWER, name: value})


def test_all_that_is_missing_is_named_together() -> None:
    with pytest.raises(ApiError, match=r"found, stored.*skipped, failures, state"):
        parsed({})


@pytest.mark.parametrize("skipped", [None, [], {"reason": "many"}])
def test_reasons_without_counts_are_named(skipped: object) -> None:
    with pytest.raises(ApiError, match="skipped"):
        parsed({**ANSWER, "skipped": skipped})


def test_a_time_that_is_none_is_said() -> None:
    with pytest.raises(ApiError, match="first_stored_at"):
        parsed({**ANSWER, "first_stored_at": "soon"})


def test_a_problem_s_detail_is_what_a_person_reads() -> None:
    assert detail('{"title": "Bad", "detail": "This is a file\'s link."}') == (
        "This is a file's link."
    )


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", "null"])
def test_a_body_that_is_no_problem_is_shown_as_it_is(body: str) -> None:
    assert detail(body) == body

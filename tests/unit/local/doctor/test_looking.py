"""What the doctor makes of answers, listings and names, without asking anybody."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from local.doctor.assumptions import fragments
from local.doctor.client import Answer
from local.doctor.drive import clock, judged
from local.doctor.findings import Finding, guarded, note, wrong
from local.doctor.folder import parsed
from local.doctor.listing import Listing, kinds
from local.doctor.report import WIDTH, Assumption, Report, Section, text
from services.core.folder_link import FolderLink


def refusal(status: int, reason: str = "", **more: str) -> Answer:
    body = f'{{"error": {{"errors": [{{"reason": "{reason}"}}], "message": "Words."}}}}'
    return Answer(status=status, headers={"content-type": "application/json"} | more,
                  body=body.encode())  # fmt: skip


def entry(mime_type: str, **more: Any) -> Mapping[str, Any]:
    return {"id": "1AbCdEfGhIjKl", "mimeType": mime_type, "md5Checksum": "0" * 32, **more}


def listing(*entries: Mapping[str, Any]) -> Listing:
    page = Answer(status=200, seconds=0.5)
    link = FolderLink("1AbCdEfGhIjKl")
    return Listing(link=link, pages=[page], entries=entries, more=False, incomplete=False)


def test_being_told_that_there_is_no_such_file_is_access() -> None:
    finding = judged(refusal(404, "notFound"), "Access", "item", account=False)
    assert (finding.state, finding.todo) == ("ok", "")


@pytest.mark.parametrize(
    ("answer", "seen", "todo"),
    [
        (refusal(400, "API_KEY_INVALID"), "rejected the API key", "set GOOGLE_API_KEY"),
        (refusal(403, "accessNotConfigured"), "not enabled", "Enable"),
        (refusal(403, "rateLimitExceeded"), "limiting our request rate", "report it"),
        (refusal(500, "backendError"), "returned a server error", "report it"),
        (refusal(404), "not what Drive sends", "DRIVE_API_URL"),
        (Answer(failure="no answer: ConnectError"), "ConnectError", "sign-in page"),
        (
            Answer(status=200, body=b"<html>", headers={"content-type": "text/html"}),
            "not JSON",
            "si",
        ),
        (
            Answer(status=403, body=b"<p>", headers={"content-type": "text/html"}),
            "automated",
            "Wait",
        ),
    ],
)
def test_each_refusal_has_its_sentence_and_its_cure(answer: Answer, seen: str, todo: str) -> None:
    finding = judged(answer, "Access", "item", account=False)
    assert finding.state == "wrong"
    assert seen in finding.seen
    assert todo in finding.todo


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (60, "note"), (600, "wrong")])
def test_clocks_that_differ_are_told(seconds: int, state: str) -> None:
    theirs = datetime.now(UTC) - timedelta(seconds=seconds)
    assert clock({"date": format_datetime(theirs, usegmt=True)}).state == state


def test_an_answer_without_a_date_is_no_fault() -> None:
    assert clock({}).state == clock({"date": "soon"}).state == "note"


def test_entries_are_counted_by_kind_whatever_they_hold() -> None:
    counted = kinds(
        listing(
            entry("image/png"),
            entry(
                "image/jpeg", trashed=True, md5Checksum=None, capabilities={"canDownload": False}
            ),
            entry("application/vnd.google-apps.folder", resourceKey="0-k"),
            entry("application/vnd.google-apps.shortcut"),
            entry("application/vnd.google-apps.document", md5Checksum=7),
            entry("text/plain", capabilities=[]),
            {"id": "1AbCdEfGhIjKl", "mimeType": 3, "md5Checksum": {}},
        )
    )
    assert counted == {
        "images": 2,
        "folders": 1,
        "shortcuts": 1,
        "Google documents": 1,
        "other files": 2,
        "in the trash": 1,
        "that must not be downloaded": 1,
        "files without any checksum": 2,
        "with a resource key of their own": 1,
    }


def test_the_picture_to_try_has_bytes_that_may_be_fetched() -> None:
    closed = entry("image/png", capabilities={"canDownload": False})
    good = entry("image/png", name="good")
    assert listing(entry("image/png", size="0"), closed, good).picture == good
    assert listing(closed, entry("text/plain")).picture is None


def test_names_give_a_beginning_and_a_middle_that_begins_nothing() -> None:
    assert fragments(["007.jpg", "Holiday 1.jpg"]) == ("holi", "olid")
    assert fragments(["Holiday.jpg", "solid olid 9.jpg"]) is None
    assert fragments(["IMG_1.jpg", "'; drop"]) is None


def test_a_link_is_read_without_showing_its_key() -> None:
    link, found = parsed("https://drive.google.com/open?id=1AbCdEfGhIjKl&resourcekey=0-abcdefgh")
    assert link == FolderLink("1AbCdEfGhIjKl", "0-abcdefgh")
    assert "0-abcdefgh" not in str(found)
    assert [finding.seen for finding in found][1] == "given"
    nothing, [refused] = parsed("https://drive.google.com/file/d/1AbCdEfGhIjKl/view")
    assert nothing is None
    assert (refused.state, "Paste" in refused.todo) == ("wrong", True)


def test_a_check_that_breaks_is_a_finding_and_tells_only_its_kind() -> None:
    def broken() -> list[Finding]:
        raise RuntimeError("with a secret in it")

    [finding] = guarded("Kafka", broken)
    assert finding.state == "wrong"
    assert "RuntimeError" in finding.seen
    assert "secret" not in str(finding)


def test_the_report_is_aligned_and_says_what_to_do() -> None:
    report = Report(at="now", units=305)
    found = [Finding(check="One", seen="fine"), wrong("Longer", "bad " * 50, "Mend it.")]
    report.sections.append(Section(title="Things", findings=[*found, note("N", "so so")]))
    report.assumptions.append(Assumption(point="order", assumed="this", seen="that", same=False))
    shown = text(report, lambda words: words)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "  ok     One     fine" in lines
    assert lines[lines.index("Things") + 2].startswith("  WRONG  Longer  bad bad")
    assert "                 -> Mend it." in lines
    assert "  differs  order" in lines
    assert (
        lines[-1] == "1 problem was found: see WRONG above. 305 units of Drive's quota were used."
    )
    assert report.document(str)["ok"] is False


def test_a_report_without_faults_says_so() -> None:
    report = Report(at="now", sections=[Section(title="T", findings=[note("N", "so so")])])
    assert "No problems were found" in text(report, str)
    assert report.document(str)["ok"] is True

"""Whether the demo's import was good, and what is shown of it."""

import io

import pytest
from rich.console import Console

from local.demo import Outcome
from local.show.bar import Bar
from local.show.reports import ImportReport
from tests.unit.local.reports import WAITING, a_report

DONE: dict[str, object] = {
    "stored": 2100,
    "failed": 0,
    "pending": 0,
    "failures": {},
    "state": "completed",
}


def outcome(expected: int | None = 2400, **changes: object) -> Outcome:
    """The outcome of a good import, except for what is named."""
    return Outcome(
        folder_url="https://drive.example/folders/1",
        import_id="import-1",
        report=a_report(**{**DONE, **changes}),
        ready_s=5.0,
        asked_s=5.1,
        ended_s=25.1,
        first_stored_s=6.0,
        expected=expected,
    )


def test_an_import_that_stored_every_picture_is_good() -> None:
    assert outcome().good


@pytest.mark.parametrize(
    "changes",
    [
        {"stored": 2099},
        {"stored": 2099, "failed": 1},
        {"stored": 2099, "pending": 1},
        {"state": "completed_with_failures"},
        {"state": "failed"},
        {"state": "cancelled"},
    ],
)
def test_any_other_is_not(changes: dict[str, object]) -> None:
    assert not outcome(None, **changes).good


@pytest.mark.parametrize("expected", [2399, 2401])
def test_an_import_that_found_another_number_than_the_folder_holds_is_not_good(
    expected: int,
) -> None:
    other = outcome(expected=expected)
    assert not other.good
    assert f"The folder has {expected:,} images, but 2,400 were found." in other.sentences()


def test_if_nobody_counted_the_folder_what_was_found_is_good() -> None:
    assert outcome(expected=None).good


def test_the_document_has_counts_bytes_and_seconds() -> None:
    document = outcome().document(total_s=27.0)
    assert document["found"] == 2400
    assert document["folder_name"] == "Holidays"
    assert document["equation_closes"] is True
    assert document["stored_bytes"] == 4_000_000
    assert document["seconds"] == {
        "ready": 5.0,
        "first_stored": 6.0,
        "import": 20.0,
        "total": 27.0,
    }


def test_the_sentences_begin_with_name_and_equation_and_end_with_the_failures() -> None:
    bad = outcome(stored=2099, failed=1, failures={"checksum_differs": 1}, message="Ask again.")
    lines = bad.sentences().splitlines()
    assert lines[0].startswith(
        "Holidays: 2,400 found = 2,099 stored + 300 unchanged + 1 failed + 0 pending"
    )
    assert lines[-2:] == ["Ask again.", "  1 failed: checksum_differs"]


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def plain(*shown: tuple[float, ImportReport]) -> list[str]:
    """The lines of a bar off a terminal, for reports at these times."""
    text, clock = io.StringIO(), Clock()
    with Bar(Console(file=text, width=200), clock) as bar:
        for clock.now, report in shown:
            bar.show(report)
    return text.getvalue().splitlines()


def test_off_a_terminal_the_bar_is_a_line_every_two_seconds_if_anything_is_new() -> None:
    first, second = a_report(state="listing"), a_report(state="listing", stored=2001, pending=98)
    last = a_report(**DONE)
    lines = plain((0, first), (0.5, second), (2.5, second), (5.0, second), (5.5, last), (6.0, last))
    assert lines == [
        "listing: Holidays: 2,301 of 2,400 found so far, 4.0 MB, 1 failed",
        "listing: Holidays: 2,302 of 2,400 found so far, 4.0 MB, 1 failed, "
        "0.4 files/s, 0 B/s, 4 min left for the files found so far",
        "completed: Holidays: 2,400 of 2,400 found, 4.0 MB",
    ]


def test_the_reason_to_wait_stands_below_the_bar() -> None:
    waiting = a_report(waiting_for=WAITING)
    assert plain((0, waiting))[1] == "  waiting: Google asks for a break."
    text = io.StringIO()
    with Bar(Console(file=text, width=120, force_terminal=True)) as bar:
        bar.show(waiting)
    assert "waiting: Google asks for a break." in text.getvalue()


def test_what_limits_the_speed_stands_below_the_bar_while_nothing_waits() -> None:
    says = "The line to the store carries 1.2 MB/s."
    slow = {"reason": "store_line", "message": says, "until": None}
    assert plain((0, a_report(limited_by=slow)))[1] == f"  {says}"
    assert plain((0, a_report(limited_by=slow, waiting_for=WAITING)))[1] == (
        "  waiting: Google asks for a break."
    )


def test_a_hostile_folder_name_is_only_text() -> None:
    [line] = plain((0, a_report(name="[red]x[/]\x1b[2J" + "y" * 100)))
    assert "[red]x[/] [2Jyy" in line
    assert line.isprintable()
    assert "y" * 60 not in line

"""How fast an import goes, and how long it still takes."""

import pytest

from local.show.pace import Pace
from local.show.text import duration
from tests.unit.local.reports import WAITING, a_report


class Import:
    """Reports of an import at chosen times."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = Pace(lambda: self.now)

    def at(self, now: float, stored: int, **changes: object) -> str:
        """What is said at this time, with so many files of a megabyte stored."""
        self.now = now
        counts = {"stored": stored, "unchanged": 0, "failed": 0, "pending": 2400 - stored}
        return self.pace.text(a_report(**{**counts, "stored_bytes": stored * 1_000_000, **changes}))


def test_rate_and_time_left_are_those_of_what_was_seen() -> None:
    seen = Import()
    assert seen.at(0, 0) == ""
    assert seen.at(10, 100) == "10.0 files/s, 10.0 MB/s, 4 min left"


def test_a_rate_is_that_of_the_last_half_minute() -> None:
    seen = Import()
    for second in range(0, 100, 10):
        seen.at(second, second * 10)
    for second in range(100, 140, 10):
        said = seen.at(second, 900 + second - 90)
    assert said.startswith("1.0 files/s, 1.0 MB/s, ")


def test_while_more_may_be_found_the_time_is_not_promised() -> None:
    seen = Import()
    seen.at(0, 0, state="listing")
    assert seen.at(10, 100, state="listing").endswith(" left for the files found so far")


@pytest.mark.parametrize("state", ["paused", "completed", "cancelled", "queued"])
def test_nothing_is_said_of_an_import_that_stands_still(state: str) -> None:
    seen = Import()
    seen.at(0, 0)
    assert seen.at(10, 100, state=state) == ""


def test_an_import_that_waits_has_no_time_left() -> None:
    seen = Import()
    seen.at(0, 0)
    assert seen.at(10, 100, waiting_for=WAITING) == "10.0 files/s, 10.0 MB/s"
    assert seen.at(90, 100) == "0.0 files/s, 0 B/s"


def test_files_that_are_tried_again_do_not_make_a_rate_below_zero() -> None:
    seen = Import()
    seen.at(0, 1000)
    assert seen.at(10, 900) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min"), (3600, "1 h 0 min"), (360_000, "4 d 4 h")],
)
def test_a_duration_has_the_units_that_a_person_would_use(seconds: float, text: str) -> None:
    assert duration(seconds) == text

"""Following an import to its end, against a clock that only the test moves."""

from collections.abc import Iterator

import pytest

from local.show.api import ApiUnavailableError
from local.show.follow import Limits, NoProgressError, follow
from local.show.reports import ImportReport
from tests.unit.local.reports import WAITING, a_report


class Clock:
    """Moves on by half a second with each pause."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self) -> None:
        """Let half a second pass."""
        self.now += 0.5


def answers(
    *given: ImportReport | ApiUnavailableError,
) -> Iterator[ImportReport | ApiUnavailableError]:
    """The answers one after the other, then the last one for ever."""
    yield from given
    while True:
        yield given[-1]


class Asked:
    """An API that gives prepared answers."""

    def __init__(self, *given: ImportReport | ApiUnavailableError) -> None:
        self._answers = answers(*given)

    def __call__(self) -> ImportReport:
        answer = next(self._answers)
        if isinstance(answer, ApiUnavailableError):
            raise answer
        return answer


def at(stored: int, state: str = "transferring") -> ImportReport:
    """An import of 2,400 with so many stored."""
    return a_report(stored=stored, pending=2400 - stored - 301, state=state)


def run(asked: Asked, limits: Limits) -> tuple[ImportReport, list[int], Clock]:
    clock, seen = Clock(), list[int]()
    last = follow(asked, clock.pause, lambda report: seen.append(report.stored), limits, clock)
    return last, seen, clock


def test_it_shows_each_report_and_ends_with_the_import() -> None:
    last, seen, _ = run(Asked(at(0), at(5), at(2099, "completed")), Limits())
    assert last.state == "completed"
    assert seen == [0, 5, 2099]


def test_an_api_that_restarts_is_asked_again() -> None:
    last, seen, _ = run(Asked(at(0), ApiUnavailableError("gone"), at(2099, "completed")), Limits())
    assert last.state == "completed"
    assert seen == [0, 2099]


def test_without_progress_it_gives_up_and_says_what_was_seen_and_waited_for() -> None:
    with pytest.raises(NoProgressError, match=r"changed for 20 s.*transferring: 2,400 found"):
        run(Asked(at(5)), Limits(no_progress_s=20))
    with pytest.raises(NoProgressError, match=r"waiting: Google asks for a break\. Run"):
        run(Asked(a_report(waiting_for=WAITING)), Limits(no_progress_s=20))


def test_it_gives_up_on_an_api_that_stays_away_and_says_so() -> None:
    with pytest.raises(NoProgressError, match="connection refused"):
        run(Asked(ApiUnavailableError("connection refused")), Limits(no_progress_s=20))


def test_an_api_that_is_away_for_too_long_ends_it_and_one_that_comes_back_does_not() -> None:
    gone = ApiUnavailableError("gone")
    with pytest.raises(ApiUnavailableError, match="gone"):
        run(Asked(at(0), gone), Limits(away_s=20))
    away = [gone] * 30
    last, _, _ = run(Asked(at(0), *away, at(0), *away, at(2099, "completed")), Limits(away_s=20))
    assert last.state == "completed"


def test_any_change_counts_as_progress() -> None:
    given = [at(stored // 30) for stored in range(900)]
    last, _, clock = run(Asked(*given, at(2099, "completed")), Limits(no_progress_s=20))
    assert last.state == "completed"
    assert clock.now == 450


def test_an_import_that_never_ends_is_given_up_at_the_limit() -> None:
    with pytest.raises(NoProgressError, match="within 100 s"):
        run(Asked(*[at(stored) for stored in range(2000)]), Limits(overall_s=100))


def test_an_import_behind_others_is_waited_for_as_long_as_that_lasts() -> None:
    behind = {"message": "Busy with others.", "reason": "behind_others"}
    waits = a_report(stored=0, pending=2099, waiting_for=behind)
    last, _, clock = run(Asked(*[waits] * 200, at(2099, "completed")), Limits(no_progress_s=20))
    assert last.state == "completed"
    assert clock.now > 20
    assert waits.note == "waiting: Busy with others."
    with pytest.raises(NoProgressError, match="has not ended within 50 s"):
        run(Asked(waits), Limits(no_progress_s=20, overall_s=50))

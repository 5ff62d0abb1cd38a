"""Following an import to its end, against a clock that only the test moves."""

from collections.abc import Iterator

import pytest

from local.show.api import Progress, Unreachable, parsed
from local.show.follow import Limits, StandstillError, follow
from tests.unit.local.test_imports import ANSWER


class Clock:
    """Moves on by half a second with each turn."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def turn(self) -> None:
        """What `between` does."""
        self.now += 0.5


def answers(*given: Progress | Unreachable) -> Iterator[Progress | Unreachable]:
    """The answers in turn, the last one for ever."""
    yield from given
    while True:
        yield given[-1]


class Asked:
    """An API that gives prepared answers."""

    def __init__(self, *given: Progress | Unreachable) -> None:
        self._answers = answers(*given)

    def __call__(self) -> Progress:
        answer = next(self._answers)
        if isinstance(answer, Unreachable):
            raise answer
        return answer


def at(stored: int, state: str = "transferring") -> Progress:
    """An import of 2,400 with so many stored."""
    return parsed({**ANSWER, "stored": stored, "pending": 2400 - stored - 301, "state": state})


def run(asked: Asked, limits: Limits) -> tuple[Progress, list[int], Clock]:
    clock, seen = Clock(), list[int]()
    last = follow(asked, clock.turn, lambda progress: seen.append(progress.stored), limits, clock)
    return last, seen, clock


def test_it_ends_with_the_import_having_shown_each_answer() -> None:
    last, seen, _ = run(Asked(at(0), at(5), at(2099, "completed")), Limits())
    assert last.state == "completed"
    assert seen == [0, 5, 2099]


def test_an_api_that_starts_anew_is_asked_again() -> None:
    last, seen, _ = run(Asked(at(0), Unreachable("gone"), at(2099, "completed")), Limits())
    assert last.state == "completed"
    assert seen == [0, 2099]


def test_a_standstill_ends_it_and_says_what_was_seen() -> None:
    with pytest.raises(StandstillError, match=r"changed for 20 s.*transferring: 2,400 found"):
        run(Asked(at(5)), Limits(standstill_s=20))


def test_an_api_that_stays_away_ends_it_and_says_so() -> None:
    with pytest.raises(StandstillError, match="connection refused"):
        run(Asked(Unreachable("connection refused")), Limits(standstill_s=20))


def test_any_change_puts_the_standstill_off() -> None:
    given = [at(stored // 30) for stored in range(900)]
    last, _, clock = run(Asked(*given, at(2099, "completed")), Limits(standstill_s=20))
    assert last.state == "completed"
    assert clock.now == 450


def test_an_import_that_crawls_on_for_ever_ends_at_the_limit() -> None:
    with pytest.raises(StandstillError, match="within 100 s"):
        run(Asked(*[at(stored) for stored in range(2000)]), Limits(overall_s=100))

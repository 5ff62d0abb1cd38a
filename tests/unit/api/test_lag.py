"""How long it takes a group to catch up, by what it has done in the last minute."""

import pytest

from services.api.lag import LagWatch
from services.core.errors import TryAgain
from services.core.flow.commit_state import CommitState
from tests.fakes.catalog import FakeCatalog
from tests.fakes.lag_reader import FakeLagReader
from tests.fakes.log import FakeLog, FakePublisher
from tests.samples import SAMPLES

GROUP, PLACE = "lister-requests", ("imports.requested", 0)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Course:
    """A log with a hundred requests, of which a lister finishes some."""

    def __init__(self) -> None:
        self.log, self.clock = FakeLog(), Clock()
        reader = FakeLagReader(self.log, [PLACE[0]], {GROUP: [PLACE[0]]})
        self.watch = LagWatch(reader, FakeCatalog(), self.clock)

    async def begin(self) -> None:
        publisher = FakePublisher(self.log, RuntimeError, "test")
        await publisher.publish([SAMPLES["ImportRequested"]] * 100)

    async def clears(self, finished: int, after: float) -> float | None:
        """So much later, when so many are finished."""
        self.clock.now += after
        self.log.committed[GROUP, *PLACE] = finished, None
        lag = await self.watch.newest()
        [found] = [each for each in lag.partitions if each.group == GROUP]
        return found.seconds_to_clear


async def test_a_group_takes_as_long_as_it_did_for_what_it_has_done() -> None:
    course = Course()
    await course.begin()
    assert await course.clears(10, after=0) is None
    assert await course.clears(20, after=3) is None  # too short to tell
    assert await course.clears(50, after=7) == pytest.approx(50 / 4, abs=0.1)
    assert await course.clears(50, after=70) is None  # it stands still
    assert await course.clears(100, after=10) == 0


async def test_what_is_finished_out_of_turn_is_not_behind_and_counts_as_done() -> None:
    course = Course()
    await course.begin()
    await course.clears(0, after=0)
    state = CommitState(finished=((10, 19), (50, 79)))
    course.clock.now += 10
    course.log.committed[GROUP, *PLACE] = 0, state.encode(0)
    lag = await course.watch.newest()
    [found] = [each for each in lag.partitions if each.group == GROUP]
    assert (found.end, found.committed, found.messages) == (100, 0, 60)
    assert found.seconds_to_clear == pytest.approx(60 / 4, abs=0.1)
    assert lag.unfinished(GROUP) == 60


async def test_a_group_that_was_moved_back_is_not_faster_for_it() -> None:
    course = Course()
    await course.begin()
    await course.clears(90, after=0)
    assert await course.clears(0, after=10) is None


async def test_an_indexer_of_which_nobody_has_told_is_left_out() -> None:
    course = Course()
    course.watch = LagWatch(course.watch.log, catalog := FakeCatalog(), course.clock)
    catalog.trouble = TryAgain("database_unavailable", "The database is not responding.")
    first = await course.watch.newest()
    assert {each.group for each in first.partitions} == {GROUP}
    assert (first.unfinished(GROUP), first.unfinished("indexer")) == (0, None)
    catalog.trouble, course.clock.now = None, course.clock.now + 3
    second = await course.watch.newest()
    assert {each.group for each in second.partitions} == {GROUP, "indexer"}
    assert second.unfinished("indexer") == 0


async def test_what_is_fresh_is_not_asked_for_again() -> None:
    course = Course()
    await course.begin()
    await course.clears(0, after=0)
    assert await course.clears(100, after=1) != 0
    assert await course.clears(100, after=1.5) == 0

"""Where the work in hand is, on average, in the time of a clock that is set by hand."""

import asyncio

import pytest

from services.core.flow.occupancy import (
    DRIVE,
    HALF_LIFE,
    OTHER,
    QUOTA,
    STORE,
    Occupancy,
    here,
    within,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def occupancy(clock: Clock) -> Occupancy:
    return Occupancy(clock)


def test_a_message_is_at_one_place_at_a_time(occupancy: Occupancy, clock: Clock) -> None:
    with occupancy.entered():
        clock.now += 1
        assert occupancy.average() == {OTHER: 1.0}
        with within(DRIVE):
            with within(QUOTA):
                clock.now += 1000
                assert occupancy.average() == {QUOTA: 1.0}
            clock.now += 1000
            assert occupancy.average() == {DRIVE: 1.0}
    clock.now += 1000
    assert occupancy.average() == {}


def test_what_was_seen_counts_half_after_the_half_life(occupancy: Occupancy, clock: Clock) -> None:
    with occupancy.entered():
        clock.now += 1000
        with within(STORE):
            clock.now += HALF_LIFE
            assert occupancy.average() == {OTHER: 0.5, STORE: 0.5}


def test_the_first_seconds_count_whole(occupancy: Occupancy, clock: Clock) -> None:
    with occupancy.entered(), within(STORE):
        clock.now += 0.1
        assert occupancy.average() == {STORE: 1.0}


def test_a_stay_takes_as_long_as_it_takes(occupancy: Occupancy, clock: Clock) -> None:
    with occupancy.entered():
        for _ in range(400):
            with within(DRIVE, counted=True):
                clock.now += 0.05
                with within(QUOTA):
                    clock.now += 0.15
    assert occupancy.seconds()[DRIVE] == pytest.approx(0.05, rel=0.1)


async def test_tasks_of_one_message_are_counted_each(occupancy: Occupancy, clock: Clock) -> None:
    async def look_up() -> None:
        with within(DRIVE):
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    with occupancy.entered():
        both = asyncio.gather(look_up(), look_up())
        await asyncio.sleep(0)
        clock.now += 1
        assert occupancy.average() == {DRIVE: 2.0}
        await both
        clock.now += 1000
        assert occupancy.average() == {OTHER: 1.0}


async def test_a_task_of_somebody_else_works_for_the_message(
    occupancy: Occupancy, clock: Clock
) -> None:
    with occupancy.entered(), within(STORE):
        outer = here()
    occupancy.enter(STORE)  # the message, while its task waits for the other one
    with within(DRIVE, outer=outer):
        clock.now += 1
        assert occupancy.average() == {DRIVE: 1.0}
    clock.now += 1000
    assert occupancy.average() == {STORE: 1.0}


def test_without_a_message_nothing_is_counted() -> None:
    with within(DRIVE):
        assert here().occupancy is None

"""A limit that can be changed while work goes on."""

import asyncio

from services.core.flow.concurrency import (
    MOST_LINGERING,
    SLOT,
    ConcurrencyLimit,
    give_back,
)
from services.core.flow.occupancy import KAFKA, OTHER, Occupancy, here, within


async def test_no_more_slots_are_taken_than_there_are() -> None:
    limit = ConcurrencyLimit(2)
    first = await limit.acquire()
    await limit.acquire()
    third = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    assert not third.done()
    first.release()
    await third
    assert limit.in_use == 2


async def test_growing_lets_a_waiter_in() -> None:
    limit = ConcurrencyLimit(1)
    await limit.acquire()
    second = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    limit.resize(2)
    await second
    assert (limit.limit, limit.in_use) == (2, 2)


async def test_shrinking_takes_nothing_back_and_lets_nobody_in_too_early() -> None:
    limit = ConcurrencyLimit(3)
    first, second, third = [await limit.acquire() for _ in range(3)]
    limit.resize(1)
    waiter = asyncio.create_task(limit.acquire())
    for slot in (first, second):
        slot.release()
        await asyncio.sleep(0)
        assert not waiter.done()
    third.release()
    await waiter
    assert limit.in_use == 1


async def test_drained_returns_once_nothing_is_in_use() -> None:
    limit = ConcurrencyLimit(2)
    await limit.drained()
    slot, lingering = await limit.acquire(), await limit.acquire()
    assert lingering.linger()
    drained = asyncio.create_task(limit.drained())
    for one in (slot, lingering):
        await asyncio.sleep(0)
        assert not drained.done()
        one.release()
    await drained


async def test_work_that_lingers_leaves_its_slot_to_others_and_gives_it_back_once() -> None:
    limit = ConcurrencyLimit(1)
    first = await limit.acquire()
    assert first.linger()
    assert first.linger()
    second = await limit.acquire()
    first.release()
    assert (limit.in_use, limit.lingering) == (1, 0)
    second.release()
    assert (limit.in_use, limit.lingering) == (0, 0)


async def test_no_more_lingers_than_may() -> None:
    limit = ConcurrencyLimit(4)
    slots = [await limit.acquire() for _ in range(4)]
    limit.count(in_use=0, lingering=MOST_LINGERING - 3)
    assert [slot.linger() for slot in slots] == [True, True, True, False]
    assert limit.in_use == 1
    slots[3].release()
    assert limit.in_use == 0


async def test_who_gives_a_slot_back_is_in_hand_no_more() -> None:
    occupancy, slot = Occupancy(), await ConcurrencyLimit(1).acquire()
    SLOT.set(slot)
    with occupancy.entered():
        give_back()
        give_back()
        with within(KAFKA):
            assert here().occupancy is None
    with occupancy.entered():
        assert here() == (occupancy, OTHER)
    assert sum(count.count for count in occupancy._counts.values()) == 0


def test_there_is_always_one_slot() -> None:
    limit = ConcurrencyLimit(4)
    limit.resize(0)
    assert limit.limit == 1

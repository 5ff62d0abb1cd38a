"""A limit that can be changed while work goes on."""

import asyncio

from services.core.flow.concurrency import ConcurrencyLimit


async def test_no_more_slots_are_taken_than_there_are() -> None:
    limit = ConcurrencyLimit(2)
    await limit.acquire()
    await limit.acquire()
    third = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    assert not third.done()
    limit.release()
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
    for _ in range(3):
        await limit.acquire()
    limit.resize(1)
    waiter = asyncio.create_task(limit.acquire())
    for _ in range(2):
        limit.release()
        await asyncio.sleep(0)
        assert not waiter.done()
    limit.release()
    await waiter
    assert limit.in_use == 1


async def test_drained_returns_once_nothing_is_in_use() -> None:
    limit = ConcurrencyLimit(2)
    await limit.drained()
    await limit.acquire()
    drained = asyncio.create_task(limit.drained())
    await asyncio.sleep(0)
    assert not drained.done()
    limit.release()
    await drained


def test_there_is_always_one_slot() -> None:
    limit = ConcurrencyLimit(4)
    limit.resize(0)
    assert limit.limit == 1

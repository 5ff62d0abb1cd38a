"""A limit of how many things go on at once."""

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


async def test_drained_returns_once_nothing_is_in_use() -> None:
    limit = ConcurrencyLimit(2)
    await limit.drained()
    await limit.acquire()
    drained = asyncio.create_task(limit.drained())
    await asyncio.sleep(0)
    assert not drained.done()
    limit.release()
    await drained

"""One holder per key; other keys do not wait."""

import asyncio

import pytest

from services.core.flow.deduplication import KeyedLock


async def test_the_same_is_done_one_after_another_in_the_order_of_coming() -> None:
    locks, order = KeyedLock(), []

    async def one(name: str) -> None:
        async with locks.holding("thing"):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(one("a"), one("b"), one("c"))
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


async def test_different_things_do_not_wait_for_each_other() -> None:
    locks = KeyedLock()
    async with asyncio.timeout(60), locks.holding("one"), locks.holding("other"):
        pass


async def test_a_failure_releases_the_lock() -> None:
    locks = KeyedLock()
    with pytest.raises(ConnectionError):
        async with locks.holding("thing"):
            raise ConnectionError
    async with asyncio.timeout(60), locks.holding("thing"):
        pass


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    locks = KeyedLock()

    async def wait() -> None:
        async with locks.holding("thing"):
            pass

    async with locks.holding("thing"):
        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(60), locks.holding("thing"):
        pass

"""Who has the same in hand waits; who has another does not."""

import asyncio

import pytest

from services.core.flow.keyed_lock import Turns


async def test_the_same_is_done_one_after_another_in_the_order_of_coming() -> None:
    turns, order = Turns(), []

    async def one(name: str) -> None:
        async with turns.of("thing"):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(one("a"), one("b"), one("c"))
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


async def test_different_things_do_not_wait_for_each_other() -> None:
    turns = Turns()
    async with asyncio.timeout(10), turns.of("one"), turns.of("other"):
        pass


async def test_a_failure_passes_the_turn_on_and_nothing_is_remembered() -> None:
    turns = Turns()
    with pytest.raises(ConnectionError):
        async with turns.of("thing"):
            raise ConnectionError
    async with asyncio.timeout(10), turns.of("thing"):
        assert len(turns._turns) == 1
    assert turns._turns == {}


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    turns = Turns()

    async def wait() -> None:
        async with turns.of("thing"):
            pass

    async with turns.of("thing"):
        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert turns._turns == {}

"""Memory is counted in bytes, shared in order, and always given back."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transfer.memory import MemoryBudget


async def test_what_fits_is_given_at_once() -> None:
    budget = MemoryBudget(10)
    async with budget.holding(4), budget.holding(6):
        assert budget.free == 0
    assert budget.free == 10


async def test_a_file_larger_than_the_budget_takes_it_whole() -> None:
    budget = MemoryBudget(10)
    async with budget.holding(1_000_000):
        assert budget.free == 0
    assert budget.free == 10


@pytest.mark.parametrize(("held", "kept", "free"), [(8, 5, 5), (5, 8, 5), (1_000, 1_000, 0)])
async def test_what_is_needed_no_more_is_given_back_at_once(
    held: int, kept: int, free: int
) -> None:
    budget = MemoryBudget(10)
    async with budget.holding(held) as holding:
        holding.keep(kept)
        assert budget.free == free
    assert budget.free == 10


async def test_small_files_do_not_pass_a_big_one_that_waits() -> None:
    budget, order = MemoryBudget(10), []

    async def hold(name: str, size: int) -> None:
        async with budget.holding(size):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as files:
        for name, size in (("first", 6), ("big", 10), ("small", 1)):
            files.create_task(hold(name, size))
    assert order == ["first", "big", "small"]


async def test_a_cancelled_wait_holds_up_nobody() -> None:
    budget = MemoryBudget(10)
    async with budget.holding(5):
        big = asyncio.ensure_future(taken(budget, 10))
        small = asyncio.ensure_future(taken(budget, 5))
        await asyncio.sleep(0)
        big.cancel()
        await asyncio.wait_for(small, 60)
    assert budget.free == 10


async def test_it_says_who_waits_here() -> None:
    budget = MemoryBudget(10)
    async with budget.holding(5):
        waiting = asyncio.ensure_future(taken(budget, 10))
        taking = asyncio.ensure_future(taken(budget, 0))
        await asyncio.sleep(0)
        assert budget.holds(waiting)
        assert budget.holds(taking)  # in line, so that nobody passes
    await asyncio.gather(waiting, taking)
    assert not budget.holds(waiting)


async def test_a_grant_that_comes_with_a_cancellation_is_given_back() -> None:
    budget = MemoryBudget(10)
    holder = asyncio.Event()

    async def hold() -> None:
        async with budget.holding(10):
            await holder.wait()

    first = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    second = asyncio.ensure_future(taken(budget, 10))
    await asyncio.sleep(0)
    holder.set()
    await first  # the grant to the second is made here, before it runs
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert budget.free == 10


async def taken(budget: MemoryBudget, size: int) -> None:
    async with budget.holding(size):
        await asyncio.sleep(0)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.none() | st.integers(0, 6))).map(
        lambda takers: takers[:30]
    )
)
def test_no_order_of_takers_and_cancellations_overdraws_or_blocks(
    takers: list[tuple[int, int, int | None]],
) -> None:
    async def run() -> None:
        budget, held = MemoryBudget(20), 0

        async def hold(size: int, turns: int) -> None:
            nonlocal held
            async with budget.holding(size):
                held += min(size, 20)
                assert held <= 20
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    held -= min(size, 20)

        tasks = [asyncio.ensure_future(hold(size, turns)) for size, turns, _ in takers]
        for tick in range(7):
            for task, (_, _, cancelled_at) in zip(tasks, takers, strict=True):
                if cancelled_at == tick:
                    task.cancel()
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(o is None or isinstance(o, asyncio.CancelledError) for o in outcomes)
        assert (budget.free, held) == (20, 0)

    asyncio.run(run())

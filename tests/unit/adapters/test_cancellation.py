"""Whoever is cancelled stops, even if the call did not notice."""

import asyncio
import contextlib

import pytest

from services.adapters.cancellation import not_swallowed


async def test_a_result_that_nobody_takes_is_undone() -> None:
    undone: list[str] = []
    begun = asyncio.Event()

    async def swallows() -> str:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "result"

    async def undo() -> None:
        undone.append("result")

    call = asyncio.create_task(not_swallowed(swallows(), undo))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert undone == ["result"]

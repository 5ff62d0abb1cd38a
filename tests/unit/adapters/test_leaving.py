"""How long a consumer's thread may hold up the end of its work."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.adapters.kafka.leaving import LEAVE_SECONDS, left
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time


def test_a_thread_that_leaves_is_waited_for() -> None:
    async def scenario(loop: VirtualLoop) -> float:
        consuming, released = loop.create_future(), asyncio.Event()
        loop.call_later(100, released.set)
        loop.call_later(101, consuming.set_result, None)
        await left(consuming, released, "files.found")
        return loop.time()

    assert in_virtual_time(scenario) == pytest.approx(101)


def test_one_that_does_not_get_away_is_left_behind() -> None:
    async def scenario(loop: VirtualLoop) -> float:
        released = asyncio.Event()
        loop.call_later(100, released.set)
        await left(loop.create_future(), released, "files.found")
        return loop.time()

    with capture_logs() as lines:
        assert in_virtual_time(scenario) == pytest.approx(100 + LEAVE_SECONDS)
    assert [line["event"] for line in lines] == ["kafka.not_left"]


def test_what_ended_it_is_raised() -> None:
    async def scenario(loop: VirtualLoop) -> None:
        consuming = loop.create_future()
        loop.call_later(1, consuming.set_exception, LookupError("broken"))
        await left(consuming, asyncio.Event(), "files.found")

    with pytest.raises(LookupError, match="broken"):
        in_virtual_time(scenario)

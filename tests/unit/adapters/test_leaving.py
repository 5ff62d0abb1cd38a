"""How long a consumer's thread may hold up the end of its work."""

import asyncio
from typing import cast

import pytest
from structlog.testing import capture_logs

from services.adapters.kafka import leaving
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.leaving import LEAVE_SECONDS, leave, left
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


class FakeHandle:
    """Has partitions until it was asked for messages so often. Writes down what it is asked."""

    def __init__(self, polls: int) -> None:
        self.polls = polls
        self.calls: list[str] = []

    def unsubscribe(self) -> None:
        self.calls.append("unsubscribe")

    def consume(self, _at_most: int, _seconds: float) -> None:
        self.calls.append("consume")
        self.polls -= 1

    def assignment(self) -> list[str]:
        return ["files.found/0"] if self.polls > 0 else []

    def close(self) -> None:
        self.calls.append("close")


@pytest.mark.parametrize(("polls", "called_back"), [(0, 1), (1, 1), (3, 3)])
def test_what_is_still_to_be_called_back_comes_before_the_end(polls: int, called_back: int) -> None:
    handle = FakeHandle(polls)
    leave(cast(Consumer, handle))
    assert handle.calls == ["unsubscribe", *["consume"] * called_back, "close"]


def test_a_handle_that_does_not_get_away_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LEAVE_SECONDS", 0.0)
    handle = FakeHandle(polls=1_000_000)
    leave(cast(Consumer, handle))
    assert "close" not in handle.calls

"""Waiting in a test: for a condition, never for a guess of how long it takes."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

TRIES = 6
BEAT_SECONDS = 0.02


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return as soon as the condition holds; fail after so many seconds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Heartbeat:
    """`longest` is the longest time, in seconds, for which a thread that was due did not run."""

    longest: float = 0.0


@contextmanager
def heartbeat() -> Iterator[Heartbeat]:
    """Watch, for the block, whether this machine lets anybody work."""
    seen, over = Heartbeat(), threading.Event()

    def beat() -> None:
        before = time.monotonic()
        while not over.wait(BEAT_SECONDS):
            now = time.monotonic()
            seen.longest = max(seen.longest, now - before - BEAT_SECONDS)
            before = now

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


async def undisturbed(attempt: Callable[[], Awaitable[None]], stall: float) -> None:
    """For what is about real time. An attempt that fails says nothing of the code if this machine
    stood still for `stall` seconds meanwhile: it is made again, a few times at most."""
    for left in reversed(range(TRIES)):
        with heartbeat() as beat:
            try:
                return await attempt()
            except (Exception, pytest.fail.Exception):
                if left == 0 or beat.longest < stall:
                    raise

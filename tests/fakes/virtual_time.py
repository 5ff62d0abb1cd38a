"""An event loop whose time passes only when nobody has anything to do: hours in milliseconds."""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and jumps to the next timer. Waiting for nothing at all is an error."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Jumps(self))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def run_in_executor(
        self, executor: object, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        """At once and on this thread: real work on another one would take real time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as why:  # noqa: BLE001 - it belongs to whoever awaits it
            future.set_exception(why)
        return future

    def pass_by(self, seconds: float) -> None:
        """So much time goes by."""
        self._now += seconds


class _Jumps(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; if nothing is, the time until the next timer is over at once."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits, and nothing will come")
        if not ready and timeout:
            self._loop.pass_by(timeout)
        return ready


def in_virtual_time(act: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run `act` to its end on a loop of its own; what it left waiting is cancelled."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_ended(act, loop))
    finally:
        loop.run_until_complete(_closed(loop))
        loop.close()


def virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Decorates an async test: it runs `in_virtual_time`."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        in_virtual_time(lambda _loop: test(*args, **kwargs))

    return run


def now() -> float:
    """Seconds since the test began."""
    return asyncio.get_running_loop().time()


async def _ended(act: Callable[[VirtualLoop], Awaitable[T]], loop: VirtualLoop) -> T:
    try:
        return await act(loop)
    finally:
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks(loop) if task is not me]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _closed(loop: VirtualLoop) -> None:
    """Generators that were left in the middle are closed in tasks of their own, which may leave
    others."""
    await loop.shutdown_asyncgens()
    await asyncio.sleep(0)
    while others := asyncio.all_tasks(loop) - {asyncio.current_task()}:
        await asyncio.wait(others)
        await asyncio.sleep(0)

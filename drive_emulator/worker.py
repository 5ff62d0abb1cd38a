"""One thread beside the event loop, for what takes longer than a request should wait.

One, because Python runs no two at a time anyway, and because every thread that ever rendered a
picture keeps tens of megabytes of the C library's memory.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class WorkerThread:
    """Runs one piece of work at a time, in the order in which it was asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside")

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of the work, without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def run_all(self, works: Iterable[Callable[[], object]]) -> None:
        """Each in turn, from another thread; what is asked for in between does not wait for all.

        Returns early when the process is about to end.
        """
        for work in works:
            try:
                running = self._thread.submit(work)
            except RuntimeError:
                return
            running.result()

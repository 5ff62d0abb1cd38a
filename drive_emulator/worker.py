"""One background thread for work that would block the event loop for too long.

One thread is enough, because the work is CPU-bound Python. More threads would also cost memory:
each one that has ever rendered a picture keeps tens of megabytes in the C library.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class WorkerThread:
    """Runs one job at a time, in the order in which they were submitted."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker")

    async def run(self, job: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def run_all(self, jobs: Iterable[Callable[[], object]]) -> None:
        """Run jobs from another thread, submitting one at a time so that others get in between.

        Returns early when the interpreter is shutting down.
        """
        for job in jobs:
            try:
                running = self._thread.submit(job)
            except RuntimeError:
                return
            running.result()

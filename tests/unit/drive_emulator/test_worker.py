"""The worker thread: one job at a time, and no job waits for a whole list."""

import asyncio
import threading
from functools import partial

from drive_emulator.worker import WorkerThread


async def test_jobs_run_one_at_a_time_in_order() -> None:
    worker, done = WorkerThread(), list[tuple[str, int]]()

    def work(number: int) -> int:
        done.append((threading.current_thread().name, number))
        return number

    results = await asyncio.gather(*(worker.run(partial(work, number)) for number in range(20)))
    assert results == [number for _, number in done] == list(range(20))
    assert len({name for name, _ in done}) == 1


async def test_a_single_job_runs_between_two_jobs_of_a_list() -> None:
    worker, done = WorkerThread(), list[str]()
    started, asked = threading.Event(), threading.Event()

    def first() -> None:
        started.set()
        asked.wait(60)
        done.append("first of the list")

    listed = threading.Thread(
        target=worker.run_all, args=([first, partial(done.append, "second of the list")],)
    )
    listed.start()
    assert await asyncio.to_thread(started.wait, 60)
    request = asyncio.create_task(worker.run(partial(done.append, "request")))
    await asyncio.sleep(0)  # it is queued now, behind the first piece
    asked.set()
    await request
    await asyncio.to_thread(listed.join, 60)
    assert sorted(done) == ["first of the list", "request", "second of the list"]
    assert done.index("request") < done.index("second of the list")

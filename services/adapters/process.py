"""A service as a process: settings, logs, signals, exit codes, and what it tells of itself.

It exits with 0 after a requested stop, with 1 after an error (a supervisor restarts it, and Kafka
redelivers what was not done), and with 2 where the settings are at fault.
"""

import asyncio
import faulthandler
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn, TypeVar

import structlog
import uvloop
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.handles import keep_all
from services.adapters.logs import configure_logs
from services.core.errors import Stop
from services.core.events import Waiting, WorkerStatus
from services.core.ports import PublishesEvents
from services.core.settings import Reader, SettingsError, read_settings

T = TypeVar("T")
Running = Coroutine[None, None, None]


@dataclass(frozen=True)
class StopLimits:
    """Seconds, after a stop was asked for, to finish the work in hand, and then to clean up what is
    cancelled. Only what waits for a server that hangs needs them."""

    finish: float = 10.0
    clean_up: float = 10.0


WORK_IN_HAND = StopLimits()
NOTHING_TO_SAVE = StopLimits(finish=3.0, clean_up=1.0)
"""Of a service whose next start repeats what it had in hand, at no cost to anybody."""
EVERY_SECONDS = 10.0
LOOK_SECONDS = 1.0
SPARE_SECONDS = 5.0
"""After a stop's limits, for what happens too late to be cancelled, until the process is ended."""
LAST_STATUS_SECONDS = 2.0
SAID_AGAIN_SECONDS = 60.0
NO_READER = 141
STANDARD_ERROR = 2
SIGNALS = (signal.SIGTERM, signal.SIGINT)
STARTING = Waiting(reason="starting", message="It has just started.")
"""Until a service has reached what it needs, it is not ready."""
log = structlog.get_logger("process")


def run_service(
    name: str,
    env: Mapping[str, str],
    read: Callable[[Reader], T],
    serve: Callable[[T, asyncio.Event], Running],
    limits: StopLimits = WORK_IN_HAND,
) -> int:
    """Read the settings and serve until SIGTERM or SIGINT sets the event; the exit code."""
    configure_logs(name)
    try:
        settings = read_settings(env, read, lambda why: log.warning("settings.unknown", why=why))
        ends = partial(_limit_the_end, limits)
        _run(until_stopped(lambda stop: serve(settings, stop), limits, ends), ends)
    except SettingsError as why:  # also of what only an adapter reads, such as a key file
        for fault in str(why).splitlines():
            log.error("settings.refused", why=fault, see="docs/settings.md")
        return 2
    except Stop as why:
        log.error("process.stopped", reason=why.reason, why=why.message)
        return 1
    except Exception:
        log.error("process.failed", exc_info=True)
        return 1
    finally:
        faulthandler.cancel_dump_traceback_later()
    return 0


def _limit_the_end(limits: StopLimits) -> None:
    """From now on the process ends in time even if its event loop hangs, or all of Python: then it
    says where each thread was, and exits with 1."""
    keep_all()
    seconds = limits.finish + limits.clean_up + SPARE_SECONDS
    faulthandler.dump_traceback_later(seconds, exit=True, file=STANDARD_ERROR)


def _run(serving: Coroutine[None, None, bool], ends: Callable[[], None]) -> None:
    """As `uvloop.run`, which also waits for ever for tasks that do not end when cancelled."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    all_ended = True
    try:
        all_ended = runner.run(serving)
    finally:
        ends()
        if all_ended:
            runner.close()


class _LeftAlone(ThreadPoolExecutor):
    """For calls that block. Nobody waits at the end for one that hangs: the process ends it."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


async def until_stopped(
    serve: Callable[[asyncio.Event], Running],
    limits: StopLimits = WORK_IN_HAND,
    ends: Callable[[], None] = lambda: None,
) -> bool:
    """Run `serve`; when a signal comes, set its event, and cancel it if it does not end in time.
    Whether it has ended."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_LeftAlone(thread_name_prefix="blocking"))
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    work = asyncio.create_task(serve(stop))
    try:
        if await run_until(stop, asyncio.shield(work)):
            return True
        log.info("process.stopping")
        ends()
        await asyncio.wait({work}, timeout=limits.finish)
        if not work.done():
            log.warning("process.unfinished_work_left", seconds=limits.finish)
            work.cancel()
            await asyncio.wait({work}, timeout=limits.clean_up)
        if work.done() and not work.cancelled():
            work.result()
        return work.done()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def run_until(stop: asyncio.Event, waiting: Awaitable[object]) -> bool:
    """Await `waiting`, but no longer than until the event; whether it was completed."""
    task, stopped = asyncio.ensure_future(waiting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
        stopped.cancel()


async def run_with_background(work: Awaitable[None], *background: Running) -> None:
    """Await `work` while `background` runs, which ends with it. The first error ends all."""
    try:
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(one) for one in background]
            await work
            for other in others:
                other.cancel()
    except ExceptionGroup as several:
        first: Exception = several
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from several


def worker_status(service: str, waiting: Waiting | None) -> WorkerStatus:
    """Of this process, now. Its id differs from that of every other process that runs."""
    return WorkerStatus(
        worker_id=f"{service}@{socket.gethostname()}/{os.getpid()}",
        service=service,
        state="running" if waiting is None else "waiting",
        waiting_for=waiting,
        at=datetime.now(UTC),
    )


@dataclass
class WaitingLog:
    """Passes statuses on. Says when a worker begins to wait, again every minute, and when it goes
    on. If the sentence changes, as once the cause of a wait is known, it says so at once, but only
    one time in a minute: some waits have another one every second. Of its start it says no more
    than that it is ready, unless that takes a minute."""

    look: Callable[[], WorkerStatus]
    clock: Callable[[], float] = time.monotonic
    _reason: str | None = None
    _said: str = ""
    _said_at: float = 0.0
    _says_changes: bool = False

    def __call__(self) -> WorkerStatus:
        status = self.look()
        waiting = status.waiting_for
        if waiting is None and self._reason == STARTING.reason:
            log.info(f"{status.service}.ready")
        elif waiting is None and self._reason is not None:
            log.info(f"{status.service}.goes_on", waited_for=self._reason)
        elif waiting == STARTING and self._reason != STARTING.reason:
            self._said_at = self.clock()
        elif waiting is not None:
            self._waits(status.service, waiting)
        self._reason = None if waiting is None else waiting.reason
        return status

    def _waits(self, service: str, waiting: Waiting) -> None:
        now = self.clock()
        due = waiting.reason != self._reason or now - self._said_at >= SAID_AGAIN_SECONDS
        changed = self._says_changes and waiting.message != self._said
        if not due and not changed:
            return
        until = waiting.until.isoformat(timespec="seconds") if waiting.until else None
        log.warning(f"{service}.waiting", reason=waiting.reason, why=waiting.message, until=until)
        self._said = waiting.message
        self._says_changes = due
        if due:
            self._said_at = now


async def publish_status(publisher: PublishesEvents, look: Callable[[], WorkerStatus]) -> None:
    """Publish what `look()` gives until cancelled, then once more as `stopped`.

    A status that Kafka does not take is dropped: the next one replaces it, and no process ends, or
    ends later, for an absent broker.
    """
    told: object = None
    since = 0.0
    try:
        while True:
            status = look()
            if since >= EVERY_SECONDS or told != _gist(status):
                told, since = _gist(status), 0.0
                try:
                    await publisher.publish([status])
                except KafkaUnavailableError as why:
                    log.warning("status.not_published", why=str(why))
            await asyncio.sleep(LOOK_SECONDS)
            since += LOOK_SECONDS
    finally:
        with suppress(Exception):
            async with asyncio.timeout(LAST_STATUS_SECONDS):
                await publisher.publish([replace(look(), state="stopped", waiting_for=None)])


def _gist(status: WorkerStatus) -> object:
    """What must be told at once when it changes: the rest can wait for the next status."""
    at = status.in_hand
    most = max(at, key=lambda name: at[name], default="")
    return status.state, status.waiting_for, most, frozenset(status.works_on)


def while_read(command: Callable[[], int]) -> int:
    """The exit code of a command; 141, as a shell numbers SIGPIPE, if nobody reads any more what it
    says."""
    try:
        return command()
    except BrokenPipeError:
        for number in (1, 2):  # Python would complain again when it exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        return NO_READER


def end(code: int) -> NoReturn:
    """Leave without tearing the interpreter down: threads of librdkafka and obstore may still touch
    it, which aborts the process now and then (seen with obstore 0.12)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

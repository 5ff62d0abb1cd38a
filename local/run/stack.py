"""Everything on one machine: what is started and what is given, in which order, and how it ends."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.run.data_folder import Home
from local.run.logs import keep_previous
from local.run.processes import Children, Process
from local.run.start import start, wait_until_ready
from local.run.stop_signal import StopSignal
from local.run.supervisor import Supervisor, how_it_ended
from local.servers.emulator import emulator
from local.servers.kafka import kafka
from local.servers.minio import minio
from local.servers.postgres import postgres
from local.servers.server import Place, Server, ServerError
from local.servers.services import WORKERS, api, module, worker
from local.servers.web import web

# A server is started unless one of these names another in its place.
INSTEAD: tuple[tuple[Callable[[Place], Server], tuple[str, ...]], ...] = (
    (kafka, ("KAFKA_BOOTSTRAP_SERVERS",)),
    (minio, ("S3_ENDPOINT_URL",)),
    (postgres, ("DATABASE_URL",)),
    (emulator, ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "DRIVE_API_URL")),
)
SETUP_LIMIT_S = 300.0
TICK_S = 0.2
SAY_EVERY_S = 5.0
# A copy that died is ended by its watchdog within ten seconds; the one after it waits that long.
LOCK_PATIENCE_S = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will run, and the settings that all of Drivestream's own processes get."""

    servers: tuple[Server, ...]
    services: tuple[Server, ...]
    page: tuple[Server, ...]
    settings: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All of it, running."""

    plan: Plan
    supervisor: Supervisor
    stop: StopSignal

    def stay(self) -> None:
        """Keep it running until asked to stop."""
        while not self.stop.wait(TICK_S):
            self.supervisor.tick()


def planned(env: Mapping[str, str], data_dir: Path, with_web: bool) -> Plan:
    """Claim every port and fetch what is missing; nothing is started yet."""
    place = Place({**env, "DATA_DIR": str(data_dir)}, data_dir)
    makers = [maker for maker, given in INSTEAD if not any(env.get(name) for name in given)]
    servers = tuple(maker(place) for maker in makers)
    settings = dict(place.env)
    for server in servers:
        settings |= server.gives
    first = api(place, settings)
    workers = tuple(worker(name, settings) for name in WORKERS)
    page = (web(place, first.gives["API_URL"]),) if with_web else ()
    for server in (first, *page):
        settings |= server.gives
    return Plan(servers=servers, services=(first, *workers), page=page, settings=settings)


@contextmanager
def running_stack(
    env: Mapping[str, str], home: Home, say: Say, with_web: bool = True
) -> Iterator[Stack]:
    """Start everything in order, and end everything in reverse, whatever happens.

    Raises `HomeError`, `PortError`, `FetchError`, `ServerError`, and `Stopped` when asked to stop
    before all of it answers.
    """
    with home.held(LOCK_PATIENCE_S) as lock:
        plan = planned(env, home.path, with_web)
        keep_previous(home.logs)
        with StopSignal() as stop, Children(home.logs, (lock,)) as servers:
            stack = Stack(plan=plan, supervisor=Supervisor(say), stop=stop)
            _start(stack, plan.servers, servers, say)
            with Children(home.logs, (lock,)) as services:
                _set_up(stack, services, say)
                _start(stack, plan.services, services, say)
                _start(stack, plan.page, services, say)
                yield stack
                say("Stopping everything.")


def _start(stack: Stack, group: tuple[Server, ...], children: Children, say: Say) -> None:
    if not group:
        return
    names = ", ".join(server.name for server in group)
    began = time.monotonic()
    patience = Patience(stack.stop, say)
    try:
        started = start(group, children)
        wait_until_ready(
            started, lambda missing: patience.wait_for("Waiting: " + "; ".join(missing))
        )
    except ServerError:
        stack.stop.check()  # on a terminal Ctrl-C ends what prepares a server, too
        raise
    for server, process in started:
        stack.supervisor.watch(server, process)
    say(f"{names}: ready in {time.monotonic() - began:.1f} s")


def _set_up(stack: Stack, children: Children, say: Say) -> None:
    """Run `services.setup` once, and pass on what it says when it has to wait for a server."""
    began = time.monotonic()
    patience = Patience(stack.stop, say)
    process = children.start(module("setup", stack.plan.settings))
    while not process.wait(0.05):
        if time.monotonic() - began > SETUP_LIMIT_S:
            raise ServerError(f"The set-up took longer than {SETUP_LIMIT_S:.0f} s. {_end(process)}")
        patience.wait_for(f"setup: {process.tail(1) or 'it runs'}")
    if process.returncode != 0:
        raise ServerError(
            f"The set-up failed ({how_it_ended(process.returncode)}). {_end(process)}"
        )
    say(f"setup: topics, bucket and tables are there ({time.monotonic() - began:.1f} s)")


class Patience:
    """Waits aloud: says what is waited for every few seconds, and not on when asked to stop."""

    def __init__(self, stop: StopSignal, say: Say) -> None:
        self._stop = stop
        self._say = say
        self._said = time.monotonic()

    def wait_for(self, what: str) -> None:
        """One look at it: raises `Stopped`, or says it if nothing was said for a while."""
        self._stop.check()
        if time.monotonic() - self._said >= SAY_EVERY_S:
            self._said = time.monotonic()
            self._say(what)


def _end(process: Process) -> str:
    return f"Its log, {process.log}, ends:\n{process.tail()}"

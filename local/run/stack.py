"""Everything on one machine: what is started, in which order, and how it is stopped."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from local.run.data_folder import DataFolder, RunningCopy
from local.run.logs import keep_previous
from local.run.processes import Children, exit_reason
from local.run.start import start, wait_until_ready
from local.run.stopping import StopSignal
from local.run.supervisor import Supervisor
from local.servers.emulator import Sample, emulator, sample_folder
from local.servers.kafka import kafka
from local.servers.minio import minio
from local.servers.postgres import postgres
from local.servers.server import Context, Server, ServerError
from local.servers.services import WEBHOOKS, WORKERS, api, service, worker
from local.servers.web import web
from local.settings import read_all
from local.show.addresses import addresses
from services.core.settings import SettingsError

# A server is started unless one of these variables names another to use instead.
INSTEAD: tuple[tuple[Callable[[Context], Server], tuple[str, ...]], ...] = (
    (kafka, ("KAFKA_BOOTSTRAP_SERVERS",)),
    (minio, ("S3_ENDPOINT_URL",)),
    (postgres, ("DATABASE_URL",)),
    (emulator, ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "DRIVE_API_URL")),
)
SETUP_TIMEOUT_S = 300.0
TICK_S = 0.2
REPORT_EVERY_S = 5.0
# The watchdogs of a killed copy stop its services within ten seconds, then its servers.
LOCK_TIMEOUT_S = 30.0

Notify = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will run.

    `settings` are those of all services; `recorded` the part that other commands may need.
    """

    servers: tuple[Server, ...]
    services: tuple[Server, ...]
    page: tuple[Server, ...]
    settings: Mapping[str, str] = field(repr=False)
    recorded: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running copy: the API's address, the sample folder if there is one, the address table."""

    api_url: str
    sample: Sample | None
    addresses: Mapping[str, str]
    supervisor: Supervisor
    stop: StopSignal

    def run_until_stopped(self) -> None:
        """Keep it running until somebody asks it to stop."""
        while not self.stop.wait(TICK_S):
            self.supervisor.tick()


def plan_stack(env: Mapping[str, str], data_dir: Path, with_page: bool) -> Plan:
    """Check the settings, claim the ports and fetch what is missing. Nothing is started yet."""
    context = Context({**env, "DATA_DIR": str(data_dir)}, data_dir)
    makers = [make for make, names in INSTEAD if not any(env.get(name) for name in names)]
    servers = tuple(make(context) for make in makers)
    settings = dict(context.env)
    for server in servers:
        settings |= server.settings
    the_api = api(context, settings)
    read = read_all(the_api.command.env)
    if read.faults:
        raise SettingsError("\n".join(read.faults))
    workers = tuple(worker(context, name, settings) for name in WORKERS)
    if settings.get("WEBHOOK_URLS", "").strip(" ,"):
        links = {"API_PUBLIC_URL": settings.get("API_PUBLIC_URL") or the_api.settings["API_URL"]}
        workers += (worker(context, WEBHOOKS, settings | links),)
    page = (web(context, the_api.settings["API_URL"]),) if with_page else ()
    for server in (the_api, *workers, *page):
        settings |= server.settings
    names = {*read.asked, "API_URL", "WEB_URL"} - {"HOST", "PORT", "METRICS_PORT"}
    return Plan(
        servers=servers,
        services=(the_api, *workers),
        page=page,
        settings=settings,
        recorded={name: settings[name] for name in sorted(names) if settings.get(name)},
    )


@contextmanager
def running_stack(
    env: Mapping[str, str], folder: DataFolder, notify: Notify, with_page: bool = True
) -> Iterator[Stack]:
    """Start everything in order, and stop everything in reverse order at the end.

    Raises `DataFolderError`, `SettingsError`, `PortError`, `FetchError`, `ServerError`, and
    `Stopped` if asked to stop before everything is ready.
    """
    with folder.locked(LOCK_TIMEOUT_S) as lock:
        # Never closed: whoever waits for the lock waits until this process has ended, too.
        os.dup(lock)
        plan = plan_stack(env, folder.path, with_page)
        keep_previous(folder.logs)
        with StopSignal() as stop, Children(folder.logs, (lock,)) as servers:
            starting = _Starting(Supervisor(notify), stop, notify)
            starting.start(plan.servers, servers)
            with Children(folder.logs, (lock,), need=servers) as services:
                starting.set_up(plan.settings, services)
                starting.start(plan.services, services)
                starting.start(plan.page, services)
                stack = _ready(plan, folder, starting)
                folder.record(
                    RunningCopy(pid=os.getpid(), settings=plan.recorded, addresses=stack.addresses)
                )
                yield stack
                if not stop.asked:
                    notify("Stopping everything.")


def _ready(plan: Plan, folder: DataFolder, starting: "_Starting") -> Stack:
    settings = plan.settings
    sample = None
    if settings.get("DRIVE_API_URL"):
        with suppress(ServerError):  # the address may be that of another Drive
            sample = sample_folder(settings["DRIVE_API_URL"])
    started = {server.name for server in plan.servers}
    return Stack(
        api_url=settings["API_URL"],
        sample=sample,
        addresses=addresses(settings, folder.path, sample, started),
        supervisor=starting.supervisor,
        stop=starting.stop,
    )


@dataclass(frozen=True)
class _Starting:
    """Starts one group after another, and reports what it waits for every few seconds."""

    supervisor: Supervisor
    stop: StopSignal
    notify: Notify

    def start(self, group: tuple[Server, ...], children: Children) -> None:
        """Start a group and wait until it is ready; the supervisor has it from then on."""
        if not group:
            return
        began = time.monotonic()
        waiting = self._waiting()
        try:
            started = start(group, children)
            wait_until_ready(started, lambda problems: waiting("Waiting: " + "; ".join(problems)))
        except ServerError:
            self.stop.check()
            raise
        for server, process in started:
            self.supervisor.watch(process, partial(server.prepare, children.run))
        names = ", ".join(server.name for server in group)
        self.notify(f"{names}: ready in {time.monotonic() - began:.1f} s")

    def set_up(self, settings: Mapping[str, str], children: Children) -> None:
        """Run `services.setup`, and pass on what it says while it waits for a server."""
        began = time.monotonic()
        waiting = self._waiting()
        process = children.start(service("setup", settings))
        while not process.wait(0.05):
            if time.monotonic() - began > SETUP_TIMEOUT_S:
                raise ServerError(
                    f"Setup took more than {SETUP_TIMEOUT_S:.0f} s. {process.log_ending()}"
                )
            waiting(f"setup: {process.tail(1) or 'running'}")
        if process.returncode != 0:
            how = exit_reason(process.returncode)
            raise ServerError(f"Setup failed ({how}). {process.log_ending()}")
        self.notify(f"setup: topics, bucket and tables exist ({time.monotonic() - began:.1f} s)")

    def _waiting(self) -> Notify:
        """Takes what is waited for: reports it now and then, raises `Stopped` if asked to stop."""
        reported = time.monotonic()

        def waiting(sentence: str) -> None:
            nonlocal reported
            self.stop.check()
            if time.monotonic() - reported >= REPORT_EVERY_S:
                reported = time.monotonic()
                self.notify(sentence)

        return waiting

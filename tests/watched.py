"""A running system that a Prometheus reads, and what is done to it so that alerts fire."""

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.platform import emptied
from tests.prometheus import Prometheus, running_prometheus, tell_targets, until
from tests.receiver import SECRET, Receiver, receiving
from tests.store_proxy import StoreProxy, store_proxy
from tests.system import System, link, opened, running_system

SERVICES = ("api", "lister", "transfer", "indexer", "monitor", "webhooks")
SETTINGS = {
    "NO_PROGRESS_SECONDS": "10",
    "STALLED_AFTER_SECONDS": "1",
    "DRIVE_COOL_DOWN_SECONDS": "1",
    "DRIVE_QUOTA_UNITS_PER_MINUTE": "240000",
    "WEBHOOK_SECRET": SECRET,
}
LIMIT = 120.0


@dataclass
class Watched:
    """A running system, and the Prometheus that reads it."""

    system: System
    prometheus: Prometheus
    folder: Path
    store: StoreProxy
    receiver: Receiver

    def begin(self, **tree: object) -> str:
        """An import of a new folder; its id."""
        spec = {"name": f"alerts-{len(self.system.drive.trees())}", "size": 4096, **tree}
        return self.system.post_import(link(self.system.drive.add_tree(spec)))

    def fires(self, *names: str) -> None:
        """These alerts do, within the limit; each says in its own words what is wrong."""
        until(lambda: self.prometheus.alerts().keys() >= {*names}, LIMIT, self.told)
        for name in names:
            summary = self.prometheus.alerts()[name]["annotations"]["summary"]
            assert "NaN" not in summary, summary
            assert "no value" not in summary, summary
            sys.stderr.write(f"{name}: {summary}\n")

    def told(self) -> str:
        pending = [*self.prometheus.alerts("pending")]
        return f"fire: {[*self.prometheus.alerts()]}, pending: {pending}"

    @contextmanager
    def with_process(self, name: str, **settings: str) -> Iterator[None]:
        """One more of this kind, with other settings."""
        before = self.system.env
        self.system.env = {**before, **settings}
        self.system.start(name)
        tell_targets(self.system, self.folder)
        try:
            yield
        finally:
            self.system.env = before
            self.end(name)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """This process has ended, and is still expected."""
        assert self.system.terminate(name) == 0
        try:
            yield
        finally:
            self.system.restart(name)
            # Until then a signal would kill it, and the next test may send one.
            self.system.until(lambda: self.system.answers(name), LIMIT, f"{name} does not answer")

    def end(self, name: str) -> None:
        self.system.kill(name)
        del self.system.processes[name]
        tell_targets(self.system, self.folder)


@contextmanager
def watched_system(
    servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """All services, at work, and the Prometheus."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        emptied(servers) as platform,
        store_proxy(servers["S3_ENDPOINT_URL"]) as store,
        receiving() as receiver,
        running_system(
            platform,
            tmp_path_factory.mktemp("logs"),
            {**SETTINGS, "S3_ENDPOINT_URL": store.url, "WEBHOOK_URLS": receiver.url},
        ) as system,
    ):
        system.start(*SERVICES)
        system.wait_ready()
        with running_prometheus(system, folder) as prometheus:
            yield Watched(system, prometheus, folder, store, receiver)


@contextmanager
def asking(watched: Watched, *paths: str) -> Iterator[None]:
    """Four ask the API for these again and again. They begin one after the other, so that there are
    answers all the time, also where each takes ten seconds."""
    done = threading.Event()

    def ask(after: float) -> None:
        done.wait(after)
        while not done.wait(0.1):
            for path in paths:
                with (
                    suppress(OSError),
                    opened(f"{watched.system.api_url}{path}", 30) as answer,
                ):
                    answer.read()

    asking = [threading.Thread(target=ask, args=(2.5 * number,)) for number in range(4)]
    for each in asking:
        each.start()
    try:
        yield
    finally:
        done.set()
        for each in asking:
            each.join()


@contextmanager
def locked(watched: Watched, table: str) -> Iterator[None]:
    """Nobody else reads or writes it."""
    with psycopg.connect(watched.system.platform.env["DATABASE_URL"]) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield

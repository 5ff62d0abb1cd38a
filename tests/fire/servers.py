"""Real servers that can be killed and started again, each at its own address."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.run.processes import Children, Process
from local.run.start import SERVERS, start, wait_until_ready
from local.servers.server import Context, Server
from local.settings import PORTS

KINDS = ("kafka", "minio", "postgres")
STOP_SECONDS = 30.0
SIGNALS: Mapping[str, signal.Signals] = {
    "restart": signal.SIGTERM,
    "kill": signal.SIGKILL,
    "freeze": signal.SIGSTOP,
    # PostgreSQL ends its sessions at the one, and all at once, as in a crash, at the other.
    "postgres restart": signal.SIGINT,
    "postgres crash": signal.SIGQUIT,
}


@dataclass(frozen=True)
class Servers:
    """By name."""

    running: Mapping[str, tuple[Server, Process]]
    settings: Mapping[str, str] = field(repr=False)

    def strike(self, name: str, how: str) -> None:
        """A freeze returns at once; everything else once the server is gone."""
        number = SIGNALS.get(f"{name} {how}") or SIGNALS[how]
        process = self.running[name][1]
        process.signal(number)
        if number is not signal.SIGSTOP and not process.wait(STOP_SECONDS):
            process.kill()

    def recover(self, name: str) -> None:
        """Whatever was done to it. It is not waited for."""
        process = self.running[name][1]
        process.signal(signal.SIGCONT)
        if not process.running:
            process.start()

    def wait(self, limit: float) -> None:
        """Until all answer; starts those again that could not start for what was left of before."""
        until = time.monotonic() + limit
        for name, (server, _) in self.running.items():
            while (problem := server.not_ready()) is not None:
                assert time.monotonic() < until, f"{name}: {problem}"
                self.recover(name)
                time.sleep(0.5)


@contextmanager
def restartable_servers(folder: Path) -> Iterator[Servers]:
    context = Context(dict.fromkeys(PORTS, "0") | dict(os.environ), folder)
    with Children(folder / "logs") as children:
        servers = {name: SERVERS[name](context) for name in KINDS}
        started = start(list(servers.values()), children)
        wait_until_ready(started)
        settings = {k: v for server in servers.values() for k, v in server.settings.items()}
        yield Servers(dict(zip(servers, started, strict=True)), settings)

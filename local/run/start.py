"""Servers for whoever needs some: started together, asked until they answer, ended together.

    with running_servers(folder, ["kafka", "minio", "postgres"]) as settings:
        ...  # settings["KAFKA_BOOTSTRAP_SERVERS"], settings["DATABASE_URL"], ...

On free ports unless the environment names others; that is what tests want.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from local.run.processes import Children, Process
from local.servers.emulator import emulator
from local.servers.kafka import kafka
from local.servers.minio import minio
from local.servers.postgres import postgres
from local.servers.server import Place, Server, ServerError

SERVERS: Mapping[str, Callable[[Place], Server]] = {
    "kafka": kafka,
    "minio": minio,
    "postgres": postgres,
    "emulator": emulator,
}
ANY_PORTS = (
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "MINIO_PORT",
    "MINIO_CONSOLE_PORT",
    "POSTGRES_PORT",
    "EMULATOR_PORT",
)
POLL_S = 0.05


@contextmanager
def running_servers(
    data_dir: Path, names: Sequence[str], env: Mapping[str, str] = os.environ
) -> Iterator[dict[str, str]]:
    """Run the servers with their data and logs in `data_dir`; gives the settings to reach them."""
    place = Place(dict.fromkeys(ANY_PORTS, "0") | dict(env), data_dir)
    with Children(data_dir / "logs") as children:
        servers = [SERVERS[name](place) for name in names]
        started = start(servers, children)
        wait_until_ready(started)
        yield {key: value for server in servers for key, value in server.gives.items()}


def start(servers: Sequence[Server], children: Children) -> list[tuple[Server, Process]]:
    """Prepare all at once (each takes a second the first time), then start them."""
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        for prepared in [pool.submit(server.prepare) for server in servers]:
            prepared.result()
    return [(server, children.start(server.command)) for server in servers]


def wait_until_ready(
    started: Sequence[tuple[Server, Process]],
    told: Callable[[list[str]], None] = lambda missing: None,
) -> None:
    """Return when all answer; `ServerError` if one ends before, or takes longer than it may.

    `told` hears again and again what is missing, and may raise if there is no more need to wait.
    """
    began = time.monotonic()
    waiting = list(started)
    while waiting:
        waited = time.monotonic() - began
        asked = [(pair, not_ready(*pair, waited)) for pair in waiting]
        waiting = [pair for pair, missing in asked if missing]
        told([missing for _, missing in asked if missing])
        time.sleep(POLL_S if waiting else 0)


def not_ready(server: Server, process: Process, waited_s: float) -> str | None:
    """What is still missing, None if it answers; `ServerError` if there is no hope."""
    missing = server.missing()
    if not process.running:
        raise ServerError(
            f"{server.name} ended while starting (exit code {process.returncode}). "
            f"Its log, {process.log}, ends:\n{process.tail()}"
        )
    if missing and waited_s > server.patience_s:
        raise ServerError(
            f"{server.name} did not answer within {server.patience_s:.0f} s: {missing}. "
            f"Its log, {process.log}, ends:\n{process.tail()}"
        )
    return missing

"""Starting servers together and waiting until they are ready.

    with temporary_data_dir() as folder, running_servers(folder, ["kafka", "minio"]) as settings:
        ...  # settings["KAFKA_BOOTSTRAP_SERVERS"], settings["S3_ENDPOINT_URL"], ...

Tests and benchmarks use this: the servers get free ports unless the environment names others.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from local.run.processes import Children, Process, exit_reason
from local.servers.emulator import emulator
from local.servers.kafka import kafka
from local.servers.minio import minio
from local.servers.postgres import postgres
from local.servers.server import Context, Server, ServerError
from local.settings import PORTS

SERVERS: Mapping[str, Callable[[Context], Server]] = {
    "kafka": kafka,
    "minio": minio,
    "postgres": postgres,
    "emulator": emulator,
}
POLL_S = 0.05


@contextmanager
def temporary_data_dir(parent: Path | None = None) -> Iterator[Path]:
    """A folder that PostgreSQL's account can reach, too. It is removed at the end."""
    with TemporaryDirectory(prefix="drivestream-", dir=parent) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def running_servers(
    data_dir: Path, names: Sequence[str], env: Mapping[str, str] = os.environ
) -> Iterator[dict[str, str]]:
    """Run servers with their data and logs in `data_dir`; gives the settings to reach them."""
    context = Context(dict.fromkeys(PORTS, "0") | dict(env), data_dir)
    with Children(data_dir / "logs") as children:
        servers = [SERVERS[name](context) for name in names]
        wait_until_ready(start(servers, children))
        yield {key: value for server in servers for key, value in server.settings.items()}


def start(servers: Sequence[Server], children: Children) -> list[tuple[Server, Process]]:
    """Prepare all servers at the same time, then start them."""
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        for prepared in [pool.submit(server.prepare, children.run) for server in servers]:
            prepared.result()
    return [(server, children.start(server.command)) for server in servers]


def wait_until_ready(
    started: Sequence[tuple[Server, Process]],
    notify: Callable[[list[str]], None] = lambda problems: None,
) -> None:
    """Return when all are ready; `ServerError` if one ends first, or takes too long.

    `notify` is called again and again with what is not ready yet. It may raise to end the wait.
    """
    began = time.monotonic()
    waiting = list(started)
    while waiting:
        waited_s = time.monotonic() - began
        problems = [(pair, _not_ready(*pair, waited_s)) for pair in waiting]
        waiting = [pair for pair, problem in problems if problem]
        notify([problem for _, problem in problems if problem])
        time.sleep(POLL_S if waiting else 0)


def _not_ready(server: Server, process: Process, waited_s: float) -> str | None:
    """Why a server is not ready yet; `ServerError` if it never will be."""
    problem = server.not_ready()
    if not process.running:
        how = exit_reason(process.returncode)
        raise ServerError(f"{server.name} exited while starting ({how}). {process.log_ending()}")
    if problem and waited_s > server.start_timeout_s:
        raise ServerError(
            f"{server.name} was not ready within {server.start_timeout_s:.0f} s: {problem}. "
            f"{process.log_ending()}"
        )
    return problem

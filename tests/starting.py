"""A platform with one thing wrong, and services that are started on it, as users start them."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import psycopg

from drive_emulator.http.tls import issue
from local.run.processes import Children, Process
from local.servers.services import service
from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.settings import DatabaseSettings
from services.core.settings import Reader
from tests.platform import Platform, emptied
from tests.system import INHERITED, free_port
from tests.tls_front import tls_front

LIMIT = 150.0
"""Seconds for a service to do what is waited for, on a machine with much else to do."""
POLL_SECONDS = 0.25
WEBHOOKS = {
    "WEBHOOK_URLS": "http://127.0.0.1:9/hooks",
    "WEBHOOK_SECRET": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def database_at(servers: Mapping[str, str], name: str, version: str | None) -> str:
    """A new database, migrated up to a version: one that is not ours is called so afterwards."""
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
    url = urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
    if version is not None:
        settings = DatabaseSettings.read(Reader({"DATABASE_URL": url}))
        migrate(settings, version="0001" if version == "0001" else "0002")
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("UPDATE alembic_version SET version_num = %s", (version,))
    return url


def with_login(at: SplitResult, user: str, password: str, place: str) -> str:
    return urlunsplit(at._replace(netloc=f"{user}:{password}@{place}"))


@dataclass(frozen=True)
class Faults:
    """The settings of a platform where all is well, and what to change of them for each fault."""

    env: Mapping[str, str] = field(repr=False)
    changes: Mapping[str, Mapping[str, str]] = field(repr=False)


@contextmanager
def faulty_platform(servers: Mapping[str, str]) -> Iterator[Faults]:
    with ExitStack() as stack:
        platform = stack.enter_context(emptied(servers))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="drivestream-start-")))
        at = urlsplit(platform.env["DATABASE_URL"])
        place = f"{at.hostname}:{at.port}"
        names = {version: f"{at.path[1:]}_{version}" for version in ("none", "0001", "9000")}
        stack.callback(_drop, servers, names.values())
        front = stack.enter_context(tls_front(at.hostname or "", at.port or 0))
        (folder / "stranger.pem").write_bytes(issue("stranger.test", datetime.now(UTC)).ca)
        by_tls = with_login(at, at.username or "", at.password or "", f"127.0.0.1:{front.port}")
        database = {
            "the database has no tables": database_at(servers, names["none"], None),
            "the database is of an older version": database_at(servers, names["0001"], "0001"),
            "the database is of a newer version": database_at(servers, names["9000"], "9000"),
            "there is no such database": urlunsplit(at._replace(path="/not_there")),
            "the database's password is wrong": with_login(at, at.username or "", "wrong", place),
            "the database's host is unknown": with_login(at, "me", "secret", "db.invalid:5432"),
            "the database's CA is another": (
                f"{by_tls}?sslmode=verify-full&sslrootcert={folder / 'stranger.pem'}"
            ),
        }
        yield Faults(
            {
                **{name: os.environ[name] for name in INHERITED if name in os.environ},
                **{**platform.env, **WEBHOOKS, "GOOGLE_API_KEY": "key", "HOST": "127.0.0.1"},
            },
            {
                **_of_kafka_and_store(platform),
                **{f: {"DATABASE_URL": u} for f, u in database.items()},
            },
        )


def _of_kafka_and_store(platform: Platform) -> Mapping[str, Mapping[str, str]]:
    store = platform.env["S3_ENDPOINT_URL"]
    return {
        "the broker is away": {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
        "the broker's host is unknown": {"KAFKA_BOOTSTRAP_SERVERS": "kafka.invalid:9092"},
        "the broker has no TLS": {"KAFKA_SECURITY_PROTOCOL": "SSL"},
        "the broker has no topics": {"KAFKA_TOPIC_PREFIX": "nothing."},
        "the store has no bucket": {"S3_BUCKET": "not-there"},
        "the store's key is wrong": {"AWS_SECRET_ACCESS_KEY": "wrong-secret"},
        "the store's host is unknown": {"S3_ENDPOINT_URL": "http://store.invalid:9000"},
        "the store has no TLS": {"S3_ENDPOINT_URL": store.replace("http:", "https:")},
        "there is no key for Drive": {"GOOGLE_API_KEY": ""},
    }


def _drop(servers: Mapping[str, str], names: Iterable[str]) -> None:
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        for name in names:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def health(port: int) -> tuple[int, str]:
    """0 where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            return answer.status, _words(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _words(refused.read())
    except OSError:
        return 0, ""


def _words(body: bytes) -> str:
    text = body.decode()
    if not text.startswith("{"):
        return text
    return " ".join(str(check["detail"]) for check in json.loads(text)["checks"].values())


@dataclass
class Started:
    """One service in a process of its own, and all that it has answered to `/health/ready`."""

    process: Process
    port: int
    answers: list[tuple[int, str]] = field(default_factory=list)

    def has(self, status: int, words: str) -> bool:
        return any(known == status and words in said for known, said in self.answers)

    @property
    def said(self) -> str:
        """All of its output."""
        return self.process.log.read_text()

    @property
    def lines(self) -> Sequence[Mapping[str, Any]]:
        """Those of its log. Libraries print others: they are for `said`."""
        said = self.said.splitlines()
        return [json.loads(each) for each in said if each[:1] == "{" and each[-1:] == "}"]

    def until(self, condition: Callable[["Started"], bool]) -> bool:
        """Ask for its health until it holds; False if the process ends, or after the limit."""
        until = time.monotonic() + LIMIT
        while self.process.running and time.monotonic() < until:
            answer = health(self.port)
            if answer[0] and answer not in self.answers[-1:]:
                self.answers.append(answer)
            if condition(self):
                return True
            time.sleep(POLL_SECONDS)
        return False

    def stop(self) -> int | None:
        """The exit code after SIGTERM; None if it does not obey within the limit."""
        self.process.signal(signal.SIGTERM)
        self.process.wait(LIMIT)
        return self.process.returncode


@contextmanager
def started(
    name: str, env: Mapping[str, str], logs: Path, program: str | None = None
) -> Iterator[Started]:
    """`python -m services.NAME`, or another program that is told the name; killed afterwards."""
    port = free_port()
    command = service(name, {**env, "METRICS_PORT": str(port), "PORT": str(port)})
    if program is not None:
        command = replace(command, argv=(sys.executable, "-c", program, name))
    with Children(logs) as children:
        process = children.start(replace(command, name=f"{name}-{port}"))
        try:
            yield Started(process, port)
        finally:
            process.kill()

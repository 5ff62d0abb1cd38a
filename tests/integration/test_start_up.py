"""What each service says, and does, when something that it needs is not as it should be: one table.

No service ends. Each one is not ready, says what is missing and what to run or to check, in its log
and to a health check, and becomes ready by itself once it is there.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
import pytest
from structlog.testing import capture_logs

from local.paths import CHECKOUT
from tests.starting import LIMIT, Faults, Seen, faulty_platform, run_until

# All services of the table share one event loop and its few threads, so on a busy machine some of
# them are late beyond every limit. It is run by hand until each has a process of its own.
pytestmark = [
    pytest.mark.real,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif("START_UP_TABLE" not in os.environ, reason="START_UP_TABLE is not set"),
]
AT_ONCE = 6
SERVICES = ("api", "lister", "transfer", "indexer", "monitor", "webhooks")
WORKERS = SERVICES[1:]
SETUP = "Run `drivestream setup`."
DRIVE = "Neither GOOGLE_API_KEY nor GOOGLE_APPLICATION_CREDENTIALS is set"
NOT_READY, READY = 503, 200
TABLE: Mapping[str, Mapping[tuple[str, ...], tuple[int, str]]] = {
    "the broker is away": {
        WORKERS: (NOT_READY, "Waiting for Kafka at 127.0.0.1:1: the connection was refused: check"),
        ("api",): (NOT_READY, "the imports topic cannot be read: "),
    },
    "the broker's host is unknown": {
        WORKERS: (NOT_READY, "its host name is not known: check KAFKA_BOOTSTRAP_SERVERS"),
    },
    "the broker has no TLS": {WORKERS: (NOT_READY, "check KAFKA_SECURITY_PROTOCOL")},
    "the broker has no topics": {
        WORKERS: (NOT_READY, f"workers.status. {SETUP}"),
        ("api",): (NOT_READY, "Kafka has no topic nothing.imports.requested: run `drivestream"),
    },
    "the database has no tables": {
        ("indexer",): (NOT_READY, f"The database has no tables. {SETUP}"),
        ("api",): (NOT_READY, f"The tables are missing or out of date. {SETUP}"),
    },
    "the database is of an older version": {
        ("indexer",): (NOT_READY, f"The tables have version 0001, and not yet 0002. {SETUP}"),
        ("api",): (READY, f"The tables have version 0001, and not yet 0002. {SETUP}"),
    },
    "the database is of a newer version": {
        ("indexer",): (NOT_READY, "up to 0002. Run the newer version of Drivestream. Until then,"),
        ("api",): (READY, "The tables have version 9000, and this service supports up to 0002."),
    },
    "there is no such database": {
        ("indexer",): (NOT_READY, 'database "not_there" does not exist'),
        ("api",): (NOT_READY, "The database is not responding."),
    },
    "the database's password is wrong": {
        ("indexer",): (NOT_READY, "password authentication failed for user"),
        ("api",): (NOT_READY, "The database is not responding."),
    },
    "the database's host is unknown": {
        ("indexer",): (NOT_READY, "failed to resolve host 'db.invalid': Name or service not known"),
        ("api",): (NOT_READY, "The database is not responding."),
    },
    "the database's CA is another": {
        ("indexer",): (NOT_READY, "certificate verify failed"),
        ("api",): (NOT_READY, "The database is not responding."),
    },
    "the store has no bucket": {
        ("transfer",): (NOT_READY, "has no bucket not-there. Check S3_BUCKET, or run `drivestream"),
    },
    "the store's key is wrong": {
        ("transfer",): (NOT_READY, "Check the AWS_ settings and the permissions of this key."),
    },
    "the store's host is unknown": {
        ("transfer",): (NOT_READY, "its host name is not known. Check S3_ENDPOINT_URL."),
    },
    "the store has no TLS": {
        ("transfer",): (NOT_READY, "it does not speak TLS there. Check S3_ENDPOINT_URL."),
    },
    "there is no key for Drive": {
        ("api", "lister", "transfer"): (READY, DRIVE),
        ("indexer", "monitor", "webhooks"): (READY, "ready"),
    },
}
"""What is wrong, and what each service answers to `/health/ready`. Those that are not named do not
need it."""
SAID_IN_THE_LOG = {
    "there is no such database": 'database "not_there" does not exist',
    "the database's password is wrong": "password authentication failed",
    "the database's host is unknown": "failed to resolve host 'db.invalid'",
    "the database's CA is another": "certificate verify failed",
}
"""What the API keeps from whoever asks for its health, and tells the operator."""


NO_CONNECTION = ("the broker is away", "the broker's host is unknown", "the broker has no TLS")


class Cell(NamedTuple):
    """One service under one fault, and what it answers to `/health/ready`."""

    fault: str
    service: str
    status: int
    words: str

    def is_told(self, lines: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the log says so, too."""
        if self.service == "api":
            words = SAID_IN_THE_LOG.get(self.fault, self.words)
            said = [str(line) for line in lines if line["event"] == "api.waiting"]
        else:
            # The log says a wait once: librdkafka may tell the cause of it only later.
            words = "Waiting for Kafka at" if self.fault in NO_CONNECTION else self.words
            name = f"{self.service}.waiting"
            said = [str(line.get("why")) for line in lines if line["event"] == name]
        return self.status == READY or any(words in line for line in said)


CELLS = [
    Cell(fault, service, *said)
    for fault, row in TABLE.items()
    for services, said in row.items()
    for service in services
]


@pytest.fixture(scope="module")
def faults(servers: Mapping[str, str]) -> Iterator[Faults]:
    with faulty_platform(servers) as faults:
        yield faults


@pytest.fixture(scope="module")
def answers(faults: Faults) -> tuple[Mapping[Cell, Seen], Sequence[Mapping[str, Any]]]:
    """Of all cells, some at once: they mostly wait. And what all of them logged."""
    with capture_logs() as lines:

        async def all_cells() -> list[Seen]:
            turns = asyncio.Semaphore(AT_ONCE)

            async def one(cell: Cell) -> Seen:
                env = {**faults.env, **faults.changes[cell.fault]}
                async with turns:
                    return await run_until(
                        cell.service, env, cell.status, cell.words, lambda: cell.is_told(lines)
                    )

            return await asyncio.gather(*map(one, CELLS))

        found = asyncio.run(all_cells())
    return dict(zip(CELLS, found, strict=True)), lines


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.service}: {cell.fault}")
def test_each_service_says_what_is_wrong_and_what_to_do(
    answers: tuple[Mapping[Cell, Seen], Sequence[Mapping[str, Any]]], cell: Cell
) -> None:
    seen, lines = answers[0][cell], answers[1]
    assert seen.has(cell.status, cell.words), seen
    assert seen.ended == "", seen
    assert cell.is_told(lines)
    if cell.status == NOT_READY:
        assert [known for known, _ in seen.answers if known == READY] == []


def test_no_log_has_a_traceback_or_a_secret(
    answers: tuple[object, Sequence[Mapping[str, Any]]], faults: Faults
) -> None:
    said = "\n".join(str(line) for line in answers[1])
    assert "exc_info" not in said
    for secret in (faults.env["AWS_SECRET_ACCESS_KEY"], faults.env["WEBHOOK_SECRET"]):
        assert secret not in said


READ_ONLY = f"""
SERVICES = {SERVICES}
import os, sys, tempfile
sys.dont_write_bytecode = True
wrote = []
def refuse(event, given):
    if event == "open" and isinstance(given[0], str | bytes):
        path, flags = str(given[0]), given[2] or 0
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes and not path.startswith(("/dev/", f"{{tempfile.gettempdir()}}/")):
            wrote.append(path)
            raise OSError(30, "Read-only file system", path)
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.truncate"):
        if str(given[0]).startswith(f"{{tempfile.gettempdir()}}/"):
            return
        wrote.append(str(given))
        raise OSError(30, "Read-only file system", str(given[0]))
import asyncio
from tests import starting
tempfile.gettempdir()
sys.addaudithook(refuse)
async def all_of_them():
    return await asyncio.gather(*(starting.run_until(s, os.environ, 200, "") for s in SERVICES))
for service, seen in zip(SERVICES, asyncio.run(all_of_them())):
    assert seen.has(200, ""), (service, seen, wrote)
os.write(1, f"{{sorted(set(wrote))}}".encode())
os._exit(0)
"""


def test_each_service_becomes_ready_on_a_disk_that_takes_nothing(faults: Faults) -> None:
    """As in containers, where only /tmp can be written. Whoever writes elsewhere is refused."""
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY],
        cwd=CHECKOUT,
        env={**os.environ, **faults.env},
        capture_output=True,
        text=True,
        timeout=4 * LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.endswith("[]"), done.stdout[-2000:]
    assert "Traceback" not in done.stderr


async def test_a_service_goes_on_by_itself_once_the_tables_are_of_its_version(
    faults: Faults,
) -> None:
    env = {**faults.env, **faults.changes["the database is of a newer version"]}
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as database, capture_logs() as lines:
        ready = asyncio.create_task(run_until("indexer", env, READY, "ready"))
        until = time.monotonic() + LIMIT
        while not any(line["event"] == "indexer.waiting" for line in lines):
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        database.execute("UPDATE alembic_version SET version_num = '0002'")
        seen = await ready
        database.execute("UPDATE alembic_version SET version_num = '9000'")
    assert [status for status, _ in seen.answers][-1] == READY
    said = [line for line in lines if line["event"] in ("indexer.waiting", "indexer.goes_on")]
    assert [line.get("reason") or line["waited_for"] for line in said] == ["schema_newer"] * 2

"""What each service says, and does, when something that it needs is not as it should be: one table.

No service ends. Each one is not ready, says what is missing and what to run or to check, in its log
and to a health check, and becomes ready by itself once it is there.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from services.adapters.process import SAID_AGAIN_SECONDS
from tests.starting import LIMIT, Faults, Started, faulty_platform, started

# A test also waits for its turn: there are fewer processes at a time than cells.
pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(4 * LIMIT)]
AT_ONCE = 3
STOP_SECONDS = 12.0
"""For what takes less than one, on a machine with much else to do."""
SERVICES = ("api", "lister", "transfer", "indexer", "monitor", "webhooks")
WORKERS = SERVICES[1:]
SETUP = "Run `drivestream setup`."
DRIVE = "Neither GOOGLE_API_KEY nor GOOGLE_APPLICATION_CREDENTIALS is set"
NOT_READY, READY = 503, 200
TABLE: Mapping[str, Mapping[tuple[str, ...], tuple[int, str]]] = {
    "the broker is away": {
        WORKERS: (NOT_READY, "Waiting for Kafka at 127.0.0.1:1: the connection was refused: check"),
        ("api",): (NOT_READY, "the imports topic cannot be read: the connection was refused: che"),
    },
    "the broker's host is unknown": {
        SERVICES: (NOT_READY, "its host name is not known: check KAFKA_BOOTSTRAP_SERVERS"),
    },
    "the broker has no TLS": {SERVICES: (NOT_READY, "check KAFKA_SECURITY_PROTOCOL")},
    "the broker has no topics": {
        WORKERS: (NOT_READY, f"workers.status. {SETUP}"),
        ("api",): (NOT_READY, "Kafka has no topic nothing.imports.requested: run `drivestream"),
    },
    "the database has no tables": {
        ("indexer",): (NOT_READY, f"The database has no tables. {SETUP}"),
        ("api",): (NOT_READY, f"The tables are missing or out of date. {SETUP}"),
    },
    "the database is of an older version": {
        ("indexer",): (NOT_READY, f"The tables have version 0001, and not yet 0003. {SETUP}"),
        ("api",): (READY, f"The tables have version 0001, and not yet 0003. {SETUP}"),
    },
    "the database is of a newer version": {
        ("indexer",): (NOT_READY, "up to 0003. Run the newer version of Drivestream. Until then,"),
        ("api",): (READY, "The tables have version 9000, and this service supports up to 0003."),
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


class Cell(NamedTuple):
    """One service under one fault, and what it answers to `/health/ready`."""

    fault: str
    service: str
    status: int
    words: str

    def is_seen(self, service: Started) -> bool:
        """Whether it answers so, and its log says so, too."""
        return service.has(self.status, self.words) and self._is_told(service)

    def _is_told(self, service: Started) -> bool:
        words = self.words
        if self.service == "api":
            words = SAID_IN_THE_LOG.get(self.fault, words)
        return self.status == READY or any(words in line for line in waits(service))


def waits(service: Started) -> list[str]:
    """What the log says of waiting, line by line."""
    return [str(line) for line in service.lines if line["event"].endswith(".waiting")]


CELLS = [
    Cell(fault, service, *said)
    for fault, row in TABLE.items()
    for services, said in row.items()
    for service in services
]


class Seen(NamedTuple):
    """A service that has ended, so many `seconds` after SIGTERM, with this exit code."""

    service: Started
    as_expected: bool
    exit_code: int | None
    seconds: float

    def __repr__(self) -> str:
        said = self.service.said[-3000:]
        ended = f"exit code {self.exit_code} after {self.seconds:.1f} s"
        return f"{ended}, answers {self.service.answers}, log:\n{said}"


@pytest.fixture(scope="module")
def faults(servers: Mapping[str, str]) -> Iterator[Faults]:
    with faulty_platform(servers) as faults:
        yield faults


@pytest.fixture(scope="module")
def cells(
    request: pytest.FixtureRequest, faults: Faults, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Cell, "Future[Seen]"]]:
    """All that are asked for, some at a time: they mostly wait."""
    logs = tmp_path_factory.mktemp("logs")

    def see(cell: Cell) -> Seen:
        with started(cell.service, {**faults.env, **faults.changes[cell.fault]}, logs) as service:
            as_expected = service.until(cell.is_seen)
            began = time.monotonic()
            code = service.stop()
            return Seen(service, as_expected, code, time.monotonic() - began)

    known = {f"[{named(cell)}]": cell for cell in CELLS}
    asked = [each.name[each.name.find("[") :] for each in request.session.items]
    with ThreadPoolExecutor(AT_ONCE) as turns:
        try:
            yield {known[name]: turns.submit(see, known[name]) for name in asked if name in known}
        finally:
            turns.shutdown(cancel_futures=True)


def named(cell: Cell) -> str:
    return f"{cell.service}: {cell.fault}"


@pytest.mark.parametrize("cell", CELLS, ids=named)
def test_each_service_says_what_is_wrong_and_what_to_do(
    cells: Mapping[Cell, "Future[Seen]"], cell: Cell
) -> None:
    seen = cells[cell].result()
    assert seen.as_expected, seen
    assert seen.exit_code == 0, seen
    assert seen.seconds < STOP_SECONDS, seen
    if cell.status == NOT_READY:
        assert [known for known, _ in seen.service.answers if known == READY] == [], seen


def test_the_cause_is_in_the_log_before_a_wait_is_told_again(
    cells: Mapping[Cell, "Future[Seen]"],
) -> None:
    """librdkafka may not know it yet when a service says for the first time that it waits."""
    for cell in (cell for cell in cells if "the broker" in cell.fault and cell.service in WORKERS):
        service = cells[cell].result().service
        told = [line for line in service.lines if line["event"] == f"{cell.service}.waiting"]
        cause = next(line for line in told if cell.words in line["why"])
        first, known = (datetime.fromisoformat(line["timestamp"]) for line in (told[0], cause))
        assert (known - first).total_seconds() < SAID_AGAIN_SECONDS, told


def test_no_log_has_a_traceback_or_a_secret(
    cells: Mapping[Cell, "Future[Seen]"], faults: Faults
) -> None:
    for said in (each.result().service.said for each in cells.values()):
        assert "Traceback" not in said
        for secret in (faults.env["AWS_SECRET_ACCESS_KEY"], faults.env["WEBHOOK_SECRET"]):
            assert secret not in said


READ_ONLY = """
import os, runpy, sys, tempfile
sys.dont_write_bytecode = True
temporary = f"{tempfile.gettempdir()}/"
def refuse(event, given):
    if event == "open" and isinstance(given[0], str | bytes):
        path, flags = str(given[0]), given[2] or 0
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.truncate"):
        path, writes = str(given[0]), True
    else:
        return
    if writes and not path.startswith(("/dev/", temporary)):
        os.write(2, f"WROTE {path}\\n".encode())
        raise OSError(30, "Read-only file system", path)
sys.addaudithook(refuse)
runpy.run_module(f"services.{sys.argv[1]}", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_becomes_ready_on_a_disk_that_takes_nothing(
    faults: Faults, name: str, tmp_path: Path
) -> None:
    """As in containers, where only /tmp can be written. Whoever writes elsewhere is refused."""
    with started(name, faults.env, tmp_path, READ_ONLY) as service:
        assert service.until(lambda each: each.has(READY, "")), service.said
        assert service.stop() == 0, service.said
        for unwanted in ("WROTE", "Traceback"):
            assert unwanted not in service.said


def test_a_service_goes_on_by_itself_once_the_tables_are_of_its_version(
    faults: Faults, tmp_path: Path
) -> None:
    env = {**faults.env, **faults.changes["the database is of a newer version"]}
    with (
        psycopg.connect(env["DATABASE_URL"], autocommit=True) as database,
        started("indexer", env, tmp_path) as service,
    ):
        assert service.until(lambda each: bool(waits(each))), service.said
        database.execute("UPDATE alembic_version SET version_num = '0003'")
        assert service.until(lambda each: "indexer.goes_on" in each.said), service.said
        assert service.until(lambda each: each.answers[-1][0] == READY), service.said
        database.execute("UPDATE alembic_version SET version_num = '9000'")
    said = [
        line for line in service.lines if line["event"] in ("indexer.waiting", "indexer.goes_on")
    ]
    assert [line.get("reason") or line["waited_for"] for line in said] == ["schema_newer"] * 2

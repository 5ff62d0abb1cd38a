"""Rebuilds for tests: in this process, where every step can be the last, or in one of their own."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import psycopg

from local.paths import CHECKOUT
from services.adapters.catalog.generation import Generation
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.rows import metadata
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.images import ImageFilter
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core.errors import Verdict
from services.core.events import Message
from services.core.settings import Reader
from services.core.wire import Record
from services.indexer.rebuilding import Rebuild
from tests.platform import Platform

LIMIT = 90
STEPS = frozenset(
    {
        *("begin", "save_listed", "save_part", "order_images", "make_index", "analyze", "swap"),
        "discard",
    }
)
QUERIES = (
    "SELECT count(*) FROM images",
    "SELECT count(*) FROM images JOIN import_files ON file_id = google_drive_id",
    "SELECT found FROM imports WHERE id = 'import-a'",
)
Dump = Mapping[str, Sequence[tuple[object, ...]]]


class Killed(BaseException):
    """A process ends here; nothing catches it."""


class Database:
    """The tables of a platform, as their readers see them, and rebuilds of them."""

    def __init__(self, platform: Platform) -> None:
        reader = Reader(platform.env)
        self.platform = platform
        self.settings = DatabaseSettings.read(reader)
        self.kafka = KafkaSettings.read(reader)
        self.letters: list[tuple[Raw, str]] = []
        self.told: list[Message] = []

    def publish(self, records: Sequence[Record]) -> None:
        """Acknowledged when it returns."""

        async def publish() -> None:
            async with Publisher(self.kafka, source="test") as publisher:
                await publisher.publish(records)

        asyncio.run(publish())

    def dump(self) -> Dump:
        """Every row of every table, whatever its place; the ids of images, too."""
        with self.platform.database() as database:
            return {
                name: sorted(database.execute(_select(name)).fetchall(), key=repr)
                for name in metadata.tables
            }

    def schemas(self) -> set[str]:
        """Those that hold tables of ours."""
        query = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'consumed_offsets'"
        with self.platform.database() as database:
            return {name for (name,) in database.execute(query)}

    @contextmanager
    def rebuild(self, on_call: Callable[[str], None] = lambda _: None) -> Iterator[Rebuild]:
        """A rebuild in this process; `on_call` is told of each step when it is done."""
        with (
            closing(Watched(self.settings, on_call)) as generation,
            closing(LogReader(self.kafka, client_id="test", in_bulk=True)) as reader,
        ):
            assert generation.take_lock()
            yield Rebuild(
                generation=generation,
                reader=reader,
                topic_ids=Topics(self.kafka).ids,
                dead_letter=lambda raw, why: self.letters.append((raw, why)),
                publish=self.told.extend,
                tell=lambda _: None,
            )

    def start(self, *options: str) -> subprocess.Popen[str]:
        """A rebuild in a process of its own."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", "services.indexer.rebuild", *options],
            env={**inherited, **self.platform.env},
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str) -> tuple[int, str, str]:
        """The exit code, what it printed, and what it said."""
        child = self.start(*options)
        printed, said = child.communicate(timeout=LIMIT)
        return child.returncode, printed, said


class Watched(Generation):
    """Tells of each of its steps."""

    def __init__(self, settings: DatabaseSettings, on_call: Callable[[str], None]) -> None:
        super().__init__(settings)
        self._on_call = on_call

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in STEPS:
            return found

        def step(*arguments: Any, **named: Any) -> Any:
            result = found(*arguments, **named)
            self._on_call(name)
            return result

        return step


class PollingReaders(AbstractContextManager["PollingReaders"]):
    """Two threads that read all the while: one as the api does, one with prepared statements. They
    expect as many rows as this dump has."""

    def __init__(self, database: Database, expected: Dump) -> None:
        self._database = database
        self._expected = len(expected["imports"]), len(expected["images"])
        self._done = threading.Event()
        self.asked = [0, 0]
        self.wrong: list[object] = []
        polls = (self._as_the_api_does(), self._with_prepared_statements())
        self._threads = [threading.Thread(target=self._run, args=(poll,)) for poll in polls]

    def __enter__(self) -> "PollingReaders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(LIMIT)

    def _run(self, poll: Coroutine[None, None, None]) -> None:
        try:
            asyncio.run(poll)
        except (psycopg.Error, Verdict) as why:
            self.wrong.append(why)

    async def _as_the_api_does(self) -> None:
        reader = CatalogReader(self._database.settings)
        while not self._done.is_set():
            found = await reader.imports(before=None, limit=10)
            pages = [page async for page in reader.every_image(ImageFilter())]
            if (len(found), sum(map(len, pages))) != self._expected:
                self.wrong.append((found, pages))
            self.asked[0] += 1
        await reader.close()

    async def _with_prepared_statements(self) -> None:
        address = self._database.platform.env["DATABASE_URL"]
        with psycopg.connect(address, autocommit=True, prepare_threshold=0) as connection:
            while not self._done.is_set():
                for query in QUERIES:
                    row = connection.execute(query.encode()).fetchone()
                    if row is None or not row[0]:
                        self.wrong.append((query, row))
                self.asked[1] += 1


def _select(name: str) -> bytes:
    columns = (f'"{c.name}"' for c in metadata.tables[name].columns)
    return f"SELECT {', '.join(columns)} FROM {name}".encode()

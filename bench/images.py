"""How fast the list of images answers, beside the database's own answers to the same queries.

    python -m bench.images                         # 1,000,000 images in 10 imports
    python -m bench.images --images 100000 --seconds 5

A real PostgreSQL, filled with COPY and upgraded from version 0001 when it is full, and the real
API. There is no Kafka, which the list does not need. A table on standard output, a row for each
filter:

- the latency at a steady 100 requests a second, from when a request was due;
- how many requests a second 4 clients get that wait for each answer, from the API, and over psycopg
  from the database; and the API's own CPU time for an answer.

The clients run on the same machine, so they cost what they measure.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import aiohttp
import psycopg

from bench.processes import cpu_seconds, peak_mb
from local.paths import CHECKOUT
from local.run.start import running_servers, temporary_data_dir
from local.servers.ports import Ports
from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.queries import images as image_query
from services.adapters.catalog.read_pool import PLANNING
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.images import ImageFilter
from services.core.settings import Reader

RATE, CLIENTS, IMPORTS, FOLDERS, LIMIT = 100, 4, 10, 1_000, 100
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = ("image/jpeg",) * 160 + ("image/png",) * 30 + ("image/heic",) * 9 + ("image/gif",)
WORDS = ("IMG_", "DSC_", "Beach ", "Holiday ", "scan-", "Ünter ")
Ask = Callable[[], Awaitable[None]]
Connection = psycopg.AsyncConnection[Any]
COPY_IMAGES = (
    "COPY images (google_drive_id, name, size, mime_type, storage_path, created_at, folder_id, "
    "path, metadata_at, drive_version, fetched, updated_at, content_type) FROM STDIN"
)
COPY_FILES = (
    "COPY import_files (import_id, file_id, state, listed, name, mime_type, size, folder_id, path, "
    "metadata_source, outcomes, tried_round, retry_round, outcome_at) FROM STDIN"
)


class Case(NamedTuple):
    query: str
    wanted: ImageFilter


def cases(images: int) -> Sequence[Case]:
    """Of each filter one that most images meet and one that few do, and some together."""
    late = BEGAN + timedelta(seconds=images * 9 // 10)
    day = f"{late:%Y-%m-%dT%H:%M:%SZ}"
    return [
        Case("", ImageFilter()),
        Case("order=newest", ImageFilter(order="id", descending=True)),
        Case("order=-size", ImageFilter(order="size", descending=True)),
        Case("order=name", ImageFilter(order="name")),
        Case("folder=folder-00500", ImageFilter(folder_id="folder-00500")),
        Case("import=import-5", ImageFilter(import_id="import-5")),
        Case("import=import-5&order=newest", _of_import(order="imported_at", descending=True)),
        Case("import=import-5&order=-size", _of_import(order="size", descending=True)),
        Case("import=import-5&order=name", _of_import(order="name")),
        Case("name=beach", ImageFilter(name="beach")),
        Case("name=IMG_12345", ImageFilter(name="IMG_12345")),
        Case("name=nothing", ImageFilter(name="nothing")),
        Case("type=image/jpeg", ImageFilter(content_type="image/jpeg")),
        Case("type=image/gif&order=-size", _gif()),
        Case("min_size=4000000", ImageFilter(min_size=4_000_000)),
        Case(f"since={day}", ImageFilter(since=late)),
        Case(f"since={day}&order=-name", ImageFilter(since=late, order="name", descending=True)),
        Case("import=import-5&type=image/png", _of_import(content_type="image/png")),
        Case("import=import-5&name=IMG_5", _of_import(name="IMG_5")),
        Case("type=image/heic&min_size=4900000", _heic()),
    ]


def _gif() -> ImageFilter:
    return ImageFilter(content_type="image/gif", order="size", descending=True)


def _heic() -> ImageFilter:
    return ImageFilter(content_type="image/heic", min_size=4_900_000)


def _of_import(**others: Any) -> ImageFilter:
    return ImageFilter(import_id="import-5", **others)


def rows(images: int) -> Iterator[tuple[str, str]]:
    """Lines for COPY: an image, and its file in the import that brought it."""
    draw = random.Random(1)
    for number in range(images):
        id, size = f"1{draw.getrandbits(128):032x}", draw.randrange(5_000_000)
        name = f"{draw.choice(WORDS)}{draw.randrange(10**8):08}.jpg"
        kind, folder = draw.choice(TYPES), f"folder-{number * FOLDERS // images:05}"
        at = (BEGAN + timedelta(seconds=number)).isoformat()
        path = f"s3://drivestream/{folder}/{id}_0123456789ab_{name}"
        image = (id, name, size, kind, path, at, folder, "{}", at, 1, "t", at, kind)
        job = f"import-{number * IMPORTS // images}"
        file = (job, id, "stored", "t", name, kind, size, folder, "{}", 3, "{}", 0, 0, at)
        yield "\t".join(map(str, image)) + "\n", "\t".join(map(str, file)) + "\n"


def fill(address: str, images: int) -> None:
    with (
        psycopg.connect(address) as one,
        psycopg.connect(address) as two,
        one.cursor().copy(COPY_IMAGES) as of_images,
        two.cursor().copy(COPY_FILES) as of_files,
    ):
        for image, file in rows(images):
            of_images.write(image)
            of_files.write(file)
    with psycopg.connect(address, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")


@contextmanager
def running_api(database: str, port: int) -> Iterator[int]:
    """The process id of an API at this port, which asks nothing but this database."""
    env = {
        **os.environ,
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "S3_BUCKET": "drivestream",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench-secret",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "services.api"]
    process = subprocess.Popen(command, env=env, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


async def ready(client: aiohttp.ClientSession, url: str) -> None:
    for _ in range(300):
        try:
            async with client.get(url) as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("The API does not answer.")


async def steady(ask: Ask, seconds: float) -> Sequence[float]:
    """Milliseconds of each answer, since it was due; requests do not wait for each other."""
    loop, taken = asyncio.get_running_loop(), list[float]()

    async def one(due: float) -> None:
        await ask()
        taken.append((loop.time() - due) * 1_000)

    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(int(RATE * seconds)):
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(one(due))
    return sorted(taken)


async def a_second(asks: Sequence[Ask], seconds: float) -> float:
    """Answers a second to clients that each wait for theirs."""
    until, answers = time.monotonic() + seconds, 0

    async def client(ask: Ask) -> None:
        nonlocal answers
        while time.monotonic() < until:
            await ask()
            answers += 1

    await asyncio.gather(*map(client, asks))
    return answers / seconds


def over_psycopg(connection: Connection, wanted: ImageFilter) -> Ask:
    query = image_query.page(wanted, None, LIMIT + 1)

    async def ask() -> None:
        cursor = await connection.execute(query.text, query.values, binary=True)
        await cursor.fetchall()

    return ask


def over_http(client: aiohttp.ClientSession, case: Case) -> Ask:
    path = f"/images?limit={LIMIT}&{case.query}".rstrip("&")

    async def ask() -> None:
        async with client.get(path) as answer:
            body = await answer.read()
            if answer.status not in (200, 503):  # the latency tells of a busy database
                raise SystemExit(f"{path}: {body.decode()}")

    return ask


async def measure(api: str, process: int, database: str, given: argparse.Namespace) -> None:
    connect = psycopg.AsyncConnection.connect
    how = f"-c {PLANNING}"
    connections = [
        await connect(database, autocommit=True, prepare_threshold=None, options=how)
        for _ in range(CLIENTS)
    ]
    _print("GET /images?limit=100", "p50 ms", "p99 ms", "most", "CPU ms", "API/s", "DB/s", "part")
    # PostgreSQL compresses nothing either.
    plain = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(api, headers=plain) as client:
        await ready(client, "/images?limit=1")
        for case in cases(given.images):
            ask = over_http(client, case)
            await a_second([ask], 0.3)
            taken = await steady(ask, given.seconds)
            before = cpu_seconds(process) or 0.0
            by_api = await a_second([ask] * CLIENTS, given.seconds)
            cpu_ms = ((cpu_seconds(process) or 0.0) - before) / (by_api * given.seconds) * 1_000
            asks = [over_psycopg(connection, case.wanted) for connection in connections]
            by_database = await a_second(asks, given.seconds)
            p99 = taken[int(len(taken) * 0.99) - 1]
            figures = [statistics.median(taken), p99, taken[-1], cpu_ms]
            rates = f"{by_api:.0f}", f"{by_database:.0f}", f"{by_api / by_database:.0%}"
            _print(case.query[:33] or "-", *(f"{figure:.1f}" for figure in figures), *rates)
        await whole_list(client, process, given.images)


def _print(*cells: str) -> None:
    first, *others = cells
    sys.stdout.write(f"{first:34}{''.join(f'{cell:>8}' for cell in others)}\n")
    sys.stdout.flush()


async def whole_list(client: aiohttp.ClientSession, process: int, images: int) -> None:
    began, before, size = time.monotonic(), cpu_seconds(process) or 0.0, 0
    async with client.get("/images", timeout=aiohttp.ClientTimeout(600)) as answer:
        async for piece in answer.content.iter_any():
            size += len(piece)
    seconds, cpu = time.monotonic() - began, (cpu_seconds(process) or 0.0) - before
    sys.stdout.write(
        f"the whole list: {images / seconds:,.0f} rows a second, {size / 1e6:,.0f} MB in "
        f"{seconds:.1f} s; CPU of the API: {cpu:.1f} s\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure")
    given = parser.parse_args()
    with temporary_data_dir() as folder, running_servers(folder, ["postgres"]) as servers:
        database = servers["DATABASE_URL"]
        settings = DatabaseSettings.read(Reader(servers))
        migrate(settings, version="0001")
        sys.stderr.write(f"Copying {given.images:,} images.\n")
        fill(database, given.images)
        began = time.monotonic()
        migrate(settings)
        sys.stdout.write(f"the upgrade: {time.monotonic() - began:.1f} s\n")
        port = Ports(os.environ).free("the API")
        with running_api(database, port) as process:
            asyncio.run(measure(f"http://127.0.0.1:{port}", process, database, given))
            sys.stdout.write(f"largest memory of the API: {peak_mb(process):.0f} MB\n")
    load = os.getloadavg()[0]
    sys.stdout.write(f"load average: {load:.1f} on {os.cpu_count()} cores\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

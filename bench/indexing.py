"""How fast the indexer catches up with a backlog of outcomes.

    python -m bench.indexing                       # 200,000 images in 10 imports
    python -m bench.indexing --images 50000 --rounds 3

Real Kafka and a real PostgreSQL, on this machine. The manifests are indexed first, as in an import.
Then the outcomes are published, and the indexer is started on all of them. What is counted begins
once a tenth is written, so no start of a process is in it. On a machine that is shared, the
time says little: the CPU time of the indexer and of PostgreSQL for each event says how fast both
are where each has a core, since they work side by side: 1 / the larger of the two.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import psycopg

from bench.processes import children_by_name, cpu_seconds, peak_mb, tree_cpu_seconds
from bench.rebuild import events, row_counts
from local.paths import CHECKOUT
from local.run.start import running_servers, temporary_data_dir
from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import FileStored
from services.core.settings import Reader

LOOK_SECONDS, MOST_SECONDS = 0.1, 1_800.0
CONSUMED = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumed_offsets"


class Point(NamedTuple):
    """How far the indexer is, and what was used until then."""

    events: int
    seconds: float
    indexer: float
    postgres: float
    kafka: float
    memory: float
    """The most that the indexer ever had resident, in MB."""


async def publish(kafka: KafkaSettings, images: int, *, outcomes: bool) -> int:
    """Fill the topics with one half of the history; how many records that is."""
    records = 0
    async with Publisher(kafka, source="bench", linger_ms=50) as publisher:
        for some in events(images):
            if isinstance(some[0], FileStored) == outcomes:
                await publisher.publish(some)
                records += len(some)
    return records


def look(database: psycopg.Connection[tuple[int]], pid: int) -> Point:
    """Now."""
    row = database.execute(CONSUMED).fetchone()
    assert row is not None
    servers = children_by_name(["postgres", "java"])
    postgres, kafka = (tree_cpu_seconds(servers[name]) for name in ("postgres", "java"))
    own, memory = cpu_seconds(pid) or 0.0, peak_mb(pid) or 0.0
    return Point(row[0], time.monotonic(), own, postgres, kafka, memory)


def index(env: Mapping[str, str], begin: int, end: int) -> tuple[Point, Point]:
    """Run the indexer until so many records are consumed; from a tenth of them to the end."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    until, first = time.monotonic() + MOST_SECONDS, None
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as database:
        argv = [sys.executable, "-m", "services.indexer"]
        process = subprocess.Popen(argv, env={**inherited, **env}, cwd=CHECKOUT)
        try:
            while (now := look(database, process.pid)).events < end:
                if process.poll() is not None or now.seconds > until:
                    raise SystemExit(f"The indexer stopped at {now.events:,} of {end:,} records.")
                if first is None and now.events > begin + (end - begin) / 10:
                    first = now
                time.sleep(LOOK_SECONDS)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()
    return first or now, now


def show(first: Point, last: Point) -> None:
    """One line."""
    count = max(1, last.events - first.events)
    seconds, own, postgres, kafka = ((b - a) for a, b in zip(first[1:-1], last[1:-1], strict=True))
    micro = 1_000_000 / count
    sys.stdout.write(
        f"{count:,} events in {seconds:.1f} s: {count / seconds:,.0f} a second; CPU us an event: "
        f"indexer {own * micro:.1f}, PostgreSQL {postgres * micro:.1f}, Kafka {kafka * micro:.1f}; "
        f"side by side {count / max(own, postgres):,.0f} a second; {last.memory:.0f} MB at most; "
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )
    sys.stdout.flush()


def measure(images: int) -> bool:
    """One round; whether every image is there."""
    with (
        temporary_data_dir() as folder,
        running_servers(folder, ["kafka", "postgres"]) as servers,
    ):
        reader = Reader(servers)
        kafka = KafkaSettings.read(reader)
        Topics(kafka).create()
        migrate(DatabaseSettings.read(reader))
        listed = asyncio.run(publish(kafka, images, outcomes=False))
        index(servers, 0, listed)
        stored = asyncio.run(publish(kafka, images, outcomes=True))
        show(*index(servers, listed, listed + stored))
        return set(row_counts(servers["DATABASE_URL"]).values()) == {images}


def main() -> int:
    """0 if every image was there after each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    return 0 if all([measure(given.images) for _ in range(given.rounds)]) else 1


if __name__ == "__main__":
    raise SystemExit(main())

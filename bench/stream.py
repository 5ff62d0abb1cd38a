"""What one process of the API needs for many streams of events, and how late their events are.

    python -m bench.stream                             # 500 clients for 30 seconds
    python -m bench.stream --mute 20 --pad 8000 --seconds 90    # 20 more that read nothing

Real Kafka and PostgreSQL, one process of the API, and an import whose row is written 20 times a
second as the indexer writes it. A delay is from before that transaction to the arrival of the
first event that shows it, so it holds the transaction and what coalescing adds. The clients run in
this process and use CPU of the same machine. Prints one JSON object on standard output.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import cpu_seconds
from local.run.start import running_servers, temporary_data_dir
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.core.settings import Secret
from tests.catalog_rows import an_import, rows
from tests.integration.api.process import Running, running
from tests.platform import Platform, emptied

EVERY_SECONDS = 0.05
SETTLE_SECONDS = 3.0
STORED = re.compile(rb'"stored":(\d+)')
REQUEST = b"GET /imports/import-0001/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Course:
    """`began` has the time of each write by the number that it wrote."""

    clients: int
    mute: int
    seconds: float
    pad: int
    began: dict[int, float] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    events: int = 0

    async def watch(self, port: int) -> None:
        """One client, until the stream ends or it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        shown = 0
        try:
            while line := await reader.readline():
                if not line.startswith(b"data: ") or not (found := STORED.search(line)):
                    continue
                now, self.events = time.monotonic(), self.events + 1
                for number in range(shown + 1, int(found[1]) + 1):
                    if shown and number in self.began:
                        self.delays.append(now - self.began[number])
                shown = int(found[1])
        finally:
            writer.close()

    async def say_nothing(self, port: int) -> None:
        """A client that asks, and reads nothing."""
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(REQUEST)
        try:
            await asyncio.Event().wait()
        finally:
            writer.close()

    async def write(self, writer: CatalogWriter) -> None:
        """One row, again and again."""
        for number in range(1, int(self.seconds / EVERY_SECONDS) + 1):
            self.began[number] = time.monotonic()
            row = an_import(1, found=10**6, stored=number, message="x" * self.pad)
            changed = rows(imports=[row])
            await asyncio.to_thread(writer.save, Rows(), changed, {})
            await asyncio.sleep(EVERY_SECONDS)


async def measure(platform: Platform, course: Course) -> Mapping[str, Any]:
    settings = DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))
    with closing(CatalogWriter(settings)) as writer:
        writer.save(Rows(), rows(imports=[an_import(1, stored=0)]), {})
        async with running(platform.env) as api:
            await api.until(200)
            return await _measured(api, course, writer)


async def _measured(api: Running, course: Course, writer: CatalogWriter) -> Mapping[str, Any]:
    port = api.client.base_url.port
    assert port
    alone = api.memory_mb()
    clients = [asyncio.create_task(course.watch(port)) for _ in range(course.clients)]
    clients += [asyncio.create_task(course.say_nothing(port)) for _ in range(course.mute)]
    await asyncio.sleep(SETTLE_SECONDS)
    sockets = _sockets(api.process.pid)
    connected, cpu, began = api.memory_mb(), cpu_seconds(api.process.pid), time.monotonic()
    await course.write(writer)
    seconds = time.monotonic() - began
    used = (cpu_seconds(api.process.pid) or 0) - (cpu or 0)
    await asyncio.sleep(1)
    end, sockets_left = api.memory_mb(), _sockets(api.process.pid)
    left = sum(client.done() for client in clients)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return {
        "clients": course.clients,
        "mute_clients": course.mute,
        "lost_clients": left,
        "seconds": round(seconds, 1),
        "writes": len(course.began),
        "events": course.events,
        "events_per_second_and_client": round(course.events / seconds / course.clients, 2),
        "delay_ms": {f"p{p}": _percentile(course.delays, p) for p in (50, 95, 99, 100)},
        "memory_mb": {"alone": alone, "connected": connected, "at_the_end": end},
        "sockets": {"connected": sockets, "at_the_end": sockets_left},
        "cpu_percent": round(100 * used / seconds, 1),
    }


def _sockets(pid: int) -> int:
    """How many a process has open: those of clients that were dropped are not."""
    return sum(1 for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_socket())


def _percentile(delays: Sequence[float], percent: int) -> float | None:
    ordered = sorted(delays)
    at = max(0, len(ordered) * percent // 100 - 1)
    return round(ordered[at] * 1000, 1) if ordered else None


def main() -> int:
    """0 if 95 % of the delays are half a second or less, and no client was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--mute", type=int, default=0, help="clients that read nothing")
    parser.add_argument("--pad", type=int, default=0, help="bytes more an event: buffers fill")
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    course = Course(given.clients, given.mute, given.seconds, given.pad)
    with (
        temporary_data_dir() as data,
        running_servers(data, ["kafka", "minio", "postgres"]) as servers,
        emptied(servers) as platform,
    ):
        result = asyncio.run(measure(platform, course))
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    late = result["delay_ms"]["p95"]
    return 0 if late is not None and late <= 500 and not result["lost_clients"] else 1


if __name__ == "__main__":
    raise SystemExit(main())

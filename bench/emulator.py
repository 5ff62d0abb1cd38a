"""How fast the Drive emulator is on one core, and how much memory a long folder needs.

    python -m bench.emulator               # media of 100 KB, then a folder of 500,000 children
    python -m bench.emulator --seconds 20 --children 1000000

The emulator runs on the first core, its clients (raw sockets that count bytes) on the others. If
`client_cpu_percent` is well below 100 for each process, they did not limit it. Figures per second
of CPU are valid on a busy machine too. Prints one JSON object on standard output.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.queues import Queue
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import uvloop

from bench.processes import cpu_seconds, peak_mb
from drive_emulator.testing import RunningEmulator, running_emulator

SIZE = 102_400
FILES = 64
CHILDREN = 500_000
CONNECTIONS = 16  # of each client process
WARM_S = 2.0
ANSWER_S = 120.0
FIELDS = "nextPageToken,files(id,name,mimeType,size,md5Checksum,modifiedTime,parents)"


class Getter(asyncio.BufferedProtocol):
    """Gets one file after another over one connection, and counts them."""

    def __init__(self, requests: list[bytes], first: int) -> None:
        self.done = 0
        self.failed: Exception | None = None
        self._requests = requests
        self._next = first
        self._buffer = memoryview(bytearray(256 * 1024))
        self._left = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._ask()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._left:
            head = bytes(self._buffer[: min(nbytes, 2_048)])
            end = head.find(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200") or end < 0:
                self.failed = RuntimeError(f"unexpected response: {head[:200]!r}")
                self.close()
                return
            self._left = end + 4 + _length(head[:end])
        self._left -= nbytes
        if not self._left:
            self.done += 1
            self._ask()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _ask(self) -> None:
        assert self._transport is not None
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ValueError("a response without Content-Length")


@dataclass(frozen=True)
class Load:
    """The task of one client process; `pid` is the emulator's."""

    core: int
    url: str
    paths: list[str]
    seconds: float
    pid: int


def client(load: Load, told: "Queue[Any]") -> None:
    """One client process; reports how many files it got, and the time and CPU that this took."""
    os.sched_setaffinity(0, {load.core})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told.put(runner.run(_get(load)))


async def _get(load: Load) -> dict[str, float]:
    host = urlsplit(load.url)
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode() for path in load.paths
    ]
    getters = [Getter(requests, number * 7) for number in range(CONNECTIONS)]
    loop = asyncio.get_running_loop()
    for getter in getters:
        await loop.create_connection(partial(_itself, getter), str(host.hostname), host.port or 80)
    await asyncio.sleep(WARM_S)
    before, began, cpu = sum(each.done for each in getters), time.monotonic(), time.process_time()
    servers = cpu_seconds(load.pid) or 0.0
    await asyncio.sleep(load.seconds)
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    servers = (cpu_seconds(load.pid) or 0.0) - servers
    count = sum(each.done for each in getters) - before
    for getter in getters:
        getter.close()
        if getter.failed is not None:
            raise getter.failed
    return {"requests": count, "seconds": took, "cpu": cpu, "emulator_cpu": servers}


def _itself(getter: Getter) -> Getter:
    return getter


def media(drive: RunningEmulator, size: int, seconds: float) -> Mapping[str, Any]:
    """Whole files of one size, many connections at once."""
    drive.add_tree({"name": f"media-{size}", "pictures": FILES, "size": size}, render=True)
    paths = [
        f"/drive/v3/files/{file['id']}?alt=media&key={drive.api_key}"
        for file in drive.files(f"media-{size}")
    ]
    context = multiprocessing.get_context("spawn")
    told: Queue[Any] = context.Queue()
    cores = sorted(os.sched_getaffinity(0))[1:] or [0]
    clients = [
        context.Process(
            target=client, args=(Load(core, drive.url, paths, seconds, drive.pid), told)
        )
        for core in cores
    ]
    for each in clients:
        each.start()
    counts = [told.get(timeout=seconds + ANSWER_S) for _ in clients]
    for each in clients:
        each.join(ANSWER_S)
    rate = sum(count["requests"] / count["seconds"] for count in counts)
    busy = counts[0]["emulator_cpu"] / counts[0]["seconds"]
    return {
        "bytes": size,
        "connections": CONNECTIONS * len(clients),
        "requests_per_second": round(rate),
        "megabytes_per_second": round(rate * size / 1e6, 1),
        "requests_per_second_of_cpu": round(rate / busy),
        "emulator_cpu_percent": round(100 * busy),
        "client_cpu_percent": [round(100 * each["cpu"] / each["seconds"]) for each in counts],
    }


def listing(drive: RunningEmulator, children: int) -> Mapping[str, Any]:
    """One flat folder, page after page of 1,000 as one client gets them."""
    spec = {"name": "flat", "pictures": children, "size": 4_096}
    folder = drive.add_tree(spec, render=True)
    params = {"q": f"'{folder}' in parents", "pageSize": "1000", "fields": FIELDS}
    params |= {"key": drive.api_key, "prettyPrint": "false"}
    before, began, cpu = peak_mb(drive.pid), time.monotonic(), cpu_seconds(drive.pid) or 0.0
    found = pages = 0
    token = ""
    while pages == 0 or token:
        query = urlencode(params | ({"pageToken": token} if token else {}))
        address = f"{drive.url}/drive/v3/files?{query}"
        with urllib.request.urlopen(address, timeout=ANSWER_S) as answer:
            page = json.load(answer)
        found, pages, token = found + len(page["files"]), pages + 1, page.get("nextPageToken", "")
    took, cpu = time.monotonic() - began, (cpu_seconds(drive.pid) or 0.0) - cpu
    return {
        "children": found,
        "pages": pages,
        "seconds": round(took, 1),
        "pages_per_second": round(pages / took, 1),
        "pages_per_second_of_cpu": round(pages / cpu, 1),
        "peak_memory_mb_before": before,
        "peak_memory_mb": peak_mb(drive.pid),
    }


def main() -> int:
    """Exit code 0 if the listing was complete."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of media (%(default)s)")
    parser.add_argument("--size", type=int, default=SIZE, help="bytes of a file (%(default)s)")
    parser.add_argument("--children", type=int, default=CHILDREN, help="of the folder listed")
    given = parser.parse_args()
    with running_emulator() as drive:
        os.sched_setaffinity(drive.pid, {min(os.sched_getaffinity(0))})
        result = {
            "media": media(drive, given.size, given.seconds),
            "listing": listing(drive, given.children),
        }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0 if result["listing"]["children"] == given.children else 1


if __name__ == "__main__":
    raise SystemExit(main())

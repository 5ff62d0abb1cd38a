"""What a trace costs: CPU microseconds per file, with Drive, the store and Kafka in memory.

    python -m bench.tracing [--before CHECKOUT] [--rounds 9]

A file is published by the lister, copied by the transfer, and read by the indexer. All of it runs
in one process, whose threads count, too, so the export of spans is part of it. A round measures
each kind in a process of its own: before (the code of another checkout), off, and on with 1 % and
with 100 % of the files. The spans go to a receiver in a process of its own.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILES, WARM_UP, PAGE = 5_000, 500, 500
SAMPLED = {"off": "", "1 %": "0.01", "100 %": "1"}
BODY = b"\x89PNG\r\n\x1a\n" + bytes(4096)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def receive() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


class Encodes:
    """`PublishesRecords` that makes records of events, as the producer does."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    async def publish(self, events: Sequence[Any]) -> None:
        from services.core.wire import Record, encode

        self.records += [e if isinstance(e, Record) else encode(e, source="x") for e in events]

    def taken(self) -> list[Any]:
        from services.adapters.kafka.reader import Raw

        taken, self.records = self.records, []
        return [
            Raw(
                topic=record.topic,
                partition=0,
                offset=offset,
                key=record.key,
                value=record.value,
                headers=dict(record.headers),
            )
            for offset, record in enumerate(taken)
        ]


class Finds:
    """A lister of one page."""

    def __init__(self, publisher: Any, files: Sequence[Any]) -> None:
        self._publisher = publisher
        self._files = files

    async def handle(self, _event: Any, _received: Any) -> None:
        await self._publisher.publish(self._files)


async def copied(tracing: Any) -> float:
    """CPU seconds of all files, after a few that import what is imported late."""
    await passed(tracing, WARM_UP)
    await asyncio.sleep(2.0)  # until their spans are sent
    seconds = await passed(tracing, FILES)
    began = time.process_time()
    await asyncio.to_thread(tracing.close)
    return seconds + time.process_time() - began


async def passed(tracing: Any, count: int) -> float:
    """CPU seconds of so many files."""
    from services.adapters.kafka.deliveries import Assignment, Delivery
    from services.core.events import PageRequested
    from services.core.wire import decode, encode
    from services.transfer.copier import Copier
    from services.transfer.service import Transfer
    from tests.fakes.transferring import Transferring, an_adaptation, said_of

    published, worker, assignment = Encodes(), Transferring(BODY), Assignment()
    publisher = tracing.publisher(published)
    copier = Copier(
        drive=tracing.files(worker.drive),
        store=tracing.store(worker.store),
        memory=worker.memory,
        lines=worker.lines,
        drive_calls=worker.copier.drive_calls,
        store_calls=worker.copier.store_calls,
        store_looks=worker.copier.store_looks,
    )
    transfer = tracing.handler(Transfer(copier, publisher, an_adaptation()))
    files = [worker.add(f"file-{number}", BODY) for number in range(count)]
    assert said_of(BODY, "md5").size == len(BODY)
    page = PageRequested(import_id="import-1", folder_id="root-1")
    published.records = [encode(page, source="x")]
    [asked] = published.taken()
    began = time.process_time()
    for start in range(0, count, PAGE):
        lister = tracing.handler(Finds(publisher, files[start : start + PAGE]))
        await lister.handle(page, Delivery(asked, assignment).received)
    for raw in published.taken():
        event = decode(raw.topic, raw.value)
        await transfer.handle(event, Delivery(raw, assignment).received)
    stored = published.taken()
    for start in range(0, count, PAGE):
        index(tracing, stored[start : start + PAGE])
    return time.process_time() - began


def index(tracing: Any, records: Sequence[Any]) -> None:
    """A batch, without the database."""
    from services.core.wire import decode

    tracing.reader(Batch(records)).read(len(records), 0.0)
    for raw in records:
        decode(raw.topic, raw.value)
    first, last = records[0], records[-1]
    with tracing.saving({(first.topic, 0): (first.offset, last.offset + 1)}):
        pass


class Batch:
    def __init__(self, records: Sequence[Any]) -> None:
        self._records = records

    def read(self, _at_most: int, _timeout: float) -> Sequence[Any]:
        return self._records


class Before:
    """For code that knows no tracing."""

    def __getattr__(self, name: str) -> Any:
        return {"saving": lambda _moves: nullcontext(), "close": lambda: None}.get(
            name, lambda given: given
        )


def measure(kind: str, endpoint: str) -> None:
    """Prints microseconds per file."""

    async def run() -> float:
        if kind == "before":
            return await copied(Before())
        from services.adapters.tracing.port import Tracing
        from services.adapters.tracing.settings import Sampling, TracingSettings

        if kind == "off":
            return await copied(Tracing())
        from services.adapters.tracing.exported import open_exported

        sampling = Sampling(ratio=float(SAMPLED[kind]))
        settings = TracingSettings(endpoint=endpoint, sampling=sampling)
        return await copied(open_exported(settings, "x"))

    print(asyncio.run(run()) / FILES * 1e6)


def ask(kind: str, endpoint: str, code: Path) -> float:
    env = {**os.environ, "PYTHONPATH": str(code)}
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", kind, endpoint]
    done = subprocess.run(command, cwd=code, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def compare(before: Path | None, rounds: int) -> Mapping[str, list[float]]:
    """Microseconds per file of each kind, in turns."""
    command = [sys.executable, str(Path(__file__).resolve()), "--receive"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            assert receiver.stdout is not None
            endpoint = f"http://127.0.0.1:{int(receiver.stdout.readline())}"
            kinds = {"before": before, **dict.fromkeys(SAMPLED, ROOT)}
            figures: dict[str, list[float]] = {kind: [] for kind, code in kinds.items() if code}
            for _ in range(rounds):
                for kind in figures:
                    figures[kind].append(ask(kind, endpoint, kinds[kind] or ROOT))
            return figures
        finally:
            receiver.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout to compare with")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.receive:
        receive()
    elif asked.measure:
        measure(*asked.measure)
    else:
        for kind, figures in compare(asked.before, asked.rounds).items():
            median = statistics.median(figures)
            print(f"{kind:8} median {median:6.1f}  from {min(figures):6.1f} to {max(figures):6.1f}")


if __name__ == "__main__":
    main()

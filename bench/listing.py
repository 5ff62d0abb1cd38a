"""How fast one lister lists, what memory it needs, and how much a crash repeats.

    python -m bench.listing tree           # 10,000 folders of 10 files, 100 ms a request
    python -m bench.listing flat           # one folder of 500,000 files
    python -m bench.listing crash          # the tree, with a SIGKILL in the middle

Real Kafka, the Drive emulator, one lister process with the quota off, and nothing else. Requests
are the emulator's own count. Prints one JSON object on standard output; what happens meanwhile goes
to standard error.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.processes import cpu_seconds, peak_mb, resident_mb
from local.run.start import running_servers, temporary_data_dir
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from services.core.topics import FILES_FOUND, IMPORTS_LISTED
from services.core.wire import decode
from tests.platform import Platform
from tests.system import System, running_system

LIMIT_SECONDS = 1800
JOB = "bench-listing"
TREE = {"name": "tree", "pictures": 101_010, "size": 20_480, "depth": 2, "fan_out": 100}
KILL_AT = 5_000
FLAT = {"name": "flat", "pictures": 500_000, "size": 20_480}
MEMORY_EVERY_S = 2.0
SETTLE_S = 3.0


@dataclass
class Progress:
    """What the manifests say so far: folders named and settled, pages, and distinct files."""

    reader: LogReader
    folders: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    pages: int = 0
    confirming: int = 0

    @property
    def done(self) -> bool:
        """Every folder that was named is closed, or failed."""
        return bool(self.settled) and self.folders == self.settled

    def read_on(self) -> None:
        """Take in what has come; returns after half a second at most."""
        for raw in self.reader.read(2000, 0.5):
            match decode(raw.topic, raw.value):
                case e.PageListed() as page:
                    self._listed(page)
                case e.FolderFailed() as failed:
                    self.folders.add(failed.folder_id)
                    self.settled.add(failed.folder_id)
                    self.failed.append(failed.reason)

    def _listed(self, page: e.PageListed) -> None:
        self.pages += 1
        self.confirming += page.confirms
        self.folders.add(page.folder_id)
        self.folders.update(folder.id for folder in page.opened)
        self.files.update(file.id for file in page.files)
        if page.closes:
            self.settled.add(page.folder_id)


@dataclass
class Watch:
    """One listing, watched to its end."""

    system: System
    progress: Progress
    kill_at: int | None = None
    memory: list[tuple[float, float]] = field(default_factory=list)
    killed: dict[str, int] = field(default_factory=dict)

    def run(self, began: float) -> float:
        """Seconds until every folder was closed."""
        told = 0.0
        while True:
            self.progress.read_on()
            now = time.monotonic() - began
            if self.kill_at is not None and self.progress.pages >= self.kill_at:
                self._kill()
            if now - told >= MEMORY_EVERY_S:
                told = now
                self._look(now)
            if self.progress.done:
                sys.stderr.write("\n")
                return now
            if now > LIMIT_SECONDS:
                raise SystemExit(f"not done after {LIMIT_SECONDS} s: {self.system.log('lister')}")

    def _kill(self) -> None:
        self.kill_at = None
        self.system.kill("lister")
        self.killed = {"pages": self.progress.pages, "lists": self.system.drive.requests()["list"]}
        self.system.restart("lister")

    def _look(self, now: float) -> None:
        self.memory.append((round(now), resident_mb(self.system.processes["lister"].pid)))
        done, files = len(self.progress.settled), len(self.progress.files)
        sys.stderr.write(f"\r{now:6.1f} s  {done:,} folders closed, {files:,} files ")


def measure(
    system: System, kafka: KafkaSettings, spec: Mapping[str, Any], kill_at: int | None = None
) -> Any:
    """One listing from its request to the manifest that closes the last folder.

    With `kill_at` the lister is killed and started again after so many pages.
    """
    folder = system.drive.add_tree(spec)
    tree = next(t for t in system.drive.trees() if t["name"] == spec["name"])
    reader = manifests(kafka)
    system.start("lister")
    time.sleep(SETTLE_S)  # the groups have joined: what is measured is the listing, not the start
    request_import(kafka, folder)
    watch = Watch(system, Progress(reader), kill_at=kill_at)
    seconds = watch.run(time.monotonic())
    time.sleep(SETTLE_S)
    published = sum(
        high - low
        for low, high in (reader.ends(FILES_FOUND.name, p) for p in range(FILES_FOUND.partitions))
    )
    requests = system.drive.requests()
    pid = system.processes["lister"].pid
    progress = watch.progress
    return {
        "seconds": round(seconds, 1),
        "folders": len(progress.folders),
        "folders_failed": progress.failed,
        "files": len(progress.files),
        "files_expected": tree["pictures"],
        "list_requests": requests["list"],
        "pages": progress.pages,
        "confirming_pages": progress.confirming,
        "files_published_more_than_once": published - len(progress.files),
        "killed_at": watch.killed or None,
        "lister_peak_mb": peak_mb(pid),
        "lister_cpu_seconds": cpu_seconds(pid),
        "lister_mb_over_time": watch.memory[:: max(1, len(watch.memory) // 20)],
        "emulator_cpu_seconds": cpu_seconds(system.drive.pid),
    }


def manifests(kafka: KafkaSettings) -> LogReader:
    """Of all that is listed, from the beginning."""
    reader = LogReader(kafka, client_id="bench")
    reader.seek({(IMPORTS_LISTED.name, p): 0 for p in reader.partitions(IMPORTS_LISTED.name)})
    return reader


def request_import(kafka: KafkaSettings, folder: str) -> None:
    """As the API does."""
    asked = e.ImportRequested(
        import_id=JOB, folder_id=folder, folder_url="…", requested_at=datetime.now(UTC)
    )

    async def publish() -> None:
        async with Publisher(kafka, source="bench") as publisher:
            await publisher.publish([asked])

    asyncio.run(publish())


def main() -> int:
    """0 if every file was found and no folder failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("course", choices=("tree", "flat", "crash"))
    parser.add_argument("--delay", type=int, default=100, help="ms that each listing takes")
    given = parser.parse_args()
    spec = FLAT if given.course == "flat" else TREE
    with (
        temporary_data_dir() as folder,
        running_servers(folder, ["kafka"]) as servers,
        running_system(
            Platform(servers), folder / "logs", None, ("--delay", f"list={given.delay}")
        ) as system,
    ):
        kafka = KafkaSettings.read(Reader(servers))
        Topics(kafka).create()
        result = measure(system, kafka, spec, KILL_AT if given.course == "crash" else None)
    sys.stdout.write(json.dumps({"delay_ms": given.delay, **result}, indent=2) + "\n")
    good = result["files"] == result["files_expected"] and not result["folders_failed"]
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

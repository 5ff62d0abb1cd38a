"""How much memory one transfer worker needs, and whether it keeps anything on disk.

    python -m bench.memory                              # the three cases, on 25 GB of disk
    python -m bench.memory --only backlog --backlog 100000 --seconds 60
    python -m bench.memory --json docs/performance.json # adds the cases to what is there

- `big`: a file of 3 GiB among 1,000 small ones.
- `wide`: 32 files of 500 MB on offer at once.
- `backlog`: a million events waiting, of which it does as many as it can within the time.

Real Kafka, MinIO and PostgreSQL, and the Drive server of `bench/drive`. The worker's memory is
looked at four times a second, with its open files; at the end the kernel says what its peak was and
how much it has written to storage. A table on standard output.
"""

import argparse
import asyncio
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.compare import page, run
from bench.compare.figures import SERVICES, MemoryCase, Report, growth_per_minute
from bench.compare.ours import import_folder, running_services
from bench.drive.tree import virtual_file
from bench.processes import peak_mb, resident_mb
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from tests.platform import Platform, emptied
from tests.system import System

BIG, WIDE, BACKLOG = "big", "wide", "backlog"
SMALL_BYTES, BACKLOG_BYTES, AROUND = 100 * 1024, 20 * 1024, 1_000
EVERY_S, GROUP = 0.25, 1_000
WRITTEN = "write_bytes"


@dataclass
class Watch:
    """One process, looked at from a thread of its own."""

    pid: int
    log: Path
    began: float = field(default_factory=time.monotonic)
    samples: list[tuple[float, float]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    written_before: int = 0

    def look(self, until: threading.Event) -> None:
        """Again and again."""
        while not until.wait(EVERY_S):
            self.samples.append((time.monotonic() - self.began, resident_mb(self.pid)))
            self.files.update(regular_files(self.pid, self.log))

    @property
    def written(self) -> int:
        """Bytes that the process has had written to storage since the start."""
        return written_bytes(self.pid) - self.written_before


def regular_files(pid: int, log: Path) -> Iterator[str]:
    """Paths of the files that a process has open, also of deleted ones, but for its log."""
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                opened = os.stat(descriptor)
                if stat.S_ISREG(opened.st_mode) and not os.path.samestat(opened, log.stat()):
                    yield os.readlink(descriptor)


def written_bytes(pid: int) -> int:
    """What a process has caused to be sent to storage (proc_pid_io(5))."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)[WRITTEN])


@contextmanager
def watching(system: System) -> Iterator[Watch]:
    """The system's transfer worker."""
    process = system.processes["transfer"]
    assert process.pid is not None
    watch, done = Watch(process.pid, process.log), threading.Event()
    watch.written_before = written_bytes(process.pid)
    thread = threading.Thread(target=watch.look, args=(done,), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


def import_case(stage: run.Stage, case: str, sizes: Sequence[int]) -> MemoryCase:
    """Import a flat folder of files of these sizes, all the way."""
    folder = stage.drive.add_tree(case, len(sizes), sizes, folders=0)
    with (
        emptied(stage.servers) as platform,
        running_services(platform, stage.drive, stage.folder / case, SERVICES) as system,
        watching(system) as watch,
    ):
        done = import_folder(system, folder, len(sizes))
        if done.stored != len(sizes):
            raise SystemExit(f"the import is not whole: {done}")
        return _case(_titled(case, sizes), watch, done.seconds, done.stored, sum(sizes))


def _titled(case: str, sizes: Sequence[int]) -> str:
    largest = max(sizes)
    others = len(sizes) - sizes.count(largest)
    among = f" among {others:,} small ones" if others else ""
    return f"{case}: {sizes.count(largest)} x {largest / 1e6:,.0f} MB{among}"


def backlog_case(stage: run.Stage, events: int, seconds: float) -> MemoryCase:
    """Copy from a topic that holds so many events, for a time."""
    with emptied(stage.servers) as platform:
        sys.stderr.write(f"Publishing {events:,} events.\n")
        asyncio.run(publish(platform, events))
        before = stage.drive.counts()["media"]
        with (
            running_services(platform, stage.drive, stage.folder / BACKLOG, ["transfer"]) as system,
            watching(system) as watch,
        ):
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                time.sleep(EVERY_S)
            copied = stage.drive.counts()["media"] - before
            took = time.monotonic() - began
            if copied >= events:
                sys.stderr.write("All of the backlog was done: it was too short for the time.\n")
            title = f"{BACKLOG}: {events:,} events waiting"
            return _case(title, watch, took, copied, copied * BACKLOG_BYTES)


async def publish(platform: Platform, events: int) -> None:
    """As a lister does, of files that nobody has listed."""
    kafka = KafkaSettings.read(Reader(platform.env))
    async with Publisher(kafka, source="bench", linger_ms=50) as publisher:
        for first in range(0, events, GROUP):
            numbers = range(first, min(first + GROUP, events))
            await publisher.publish([found(number) for number in numbers])


def found(number: int) -> e.FileFound:
    """The event of a file that the Drive server has without having been told of it."""
    file = virtual_file(BACKLOG_BYTES, number)
    md5, sha1, sha256 = file.digests()
    return e.FileFound(
        import_id="bench-backlog",
        file_id=file.id,
        name=file.name,
        mime_type="image/jpeg",
        folder_id="bench-backlog",
        found_at=datetime.now(UTC),
        size=file.size,
        md5=md5,
        sha1=sha1,
        sha256=sha256,
        version=1,
    )


def _case(title: str, watch: Watch, seconds: float, files: int, size: int) -> MemoryCase:
    return MemoryCase(
        case=title,
        peak_mb=peak_mb(watch.pid) or 0.0,
        growth_mb_per_minute=round(growth_per_minute(watch.samples), 1),
        written_mb=round(watch.written / 1e6, 2),
        open_files=sorted(watch.files),
        seconds=round(seconds, 1),
        files=files,
        bytes=size,
    )


def cases(stage: run.Stage, given: argparse.Namespace) -> Iterator[MemoryCase]:
    """Every case that is asked for."""
    around, big = [SMALL_BYTES] * (AROUND // 2), given.big_mb * 1024 * 1024
    if given.only in (None, BIG):
        yield import_case(stage, BIG, [*around, big, *around])
    if given.only in (None, WIDE):
        yield import_case(stage, WIDE, [given.wide_mb * 1_000_000] * given.wide)
    if given.only in (None, BACKLOG):
        yield backlog_case(stage, given.backlog, given.seconds)


def main() -> int:
    """0 if everything could be measured; a goal that is missed is told, and is no failure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", choices=(BIG, WIDE, BACKLOG))
    add("--big-mb", type=int, default=3_072, help="MiB of the big file (%(default)s)")
    add("--wide", type=int, default=32, help="files of the wide case (%(default)s)")
    add("--wide-mb", type=int, default=500, help="MB of each (%(default)s)")
    add("--backlog", type=int, default=1_000_000, help="events waiting (%(default)s)")
    add("--seconds", type=float, default=120.0, help="of work on the backlog (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="a report: the cases are added, or replaced")
    add("--data-dir", type=Path, help="where the servers keep their data (a temporary folder)")
    given = parser.parse_args()
    measured = Report(machine=run.machine())
    with run.running_everything(given.data_dir) as stage:
        for case in cases(stage, given):
            sys.stderr.write(f"{case}\n")
            measured.memory.append(case)
            if given.json:
                before = page.read_json(given.json) if given.json.exists() else measured
                page.write_json(given.json, before.updated(measured))
    sys.stdout.write(page.rendered(measured, whole=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

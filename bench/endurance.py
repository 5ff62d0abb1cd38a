"""Whether a very long import ends as fast as it began, and what its processes' memory does.

    python -m bench.endurance                              # 1,000,000 x 10 KB, on 25 GB of disk
    python -m bench.endurance --files 100000 --size 10240
    python -m bench.endurance --json docs/performance.json # adds the figures to what is there

Real Kafka, MinIO and PostgreSQL, and the Drive server of `bench/drive`; one of each service, with
its defaults, but without a quota. Every second, it notes how many files PostgreSQL has as stored,
and each process's CPU time and memory. It prints a line for every tenth of the files.
"""

import argparse
import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psycopg

from bench.compare import ours, page, run
from bench.compare.figures import Endurance, Report, Tenth, difference, growth_per_minute
from bench.compare.workloads import Workload
from bench.processes import tree_cpu_seconds, tree_resident_mb
from tests.platform import Platform, emptied
from tests.system import System

EVERY_S, LIMIT_S = 1.0, 4 * 3_600.0
STORED = "SELECT coalesce(sum(stored), 0) FROM imports"
TENTHS = 10


@dataclass(frozen=True)
class Sample:
    """One look: seconds since the request, files stored, and CPU seconds and MB by process."""

    at: float
    stored: int
    cpu: dict[str, float]
    resident: dict[str, float]


@dataclass
class Watch:
    """Samples of all processes, taken from a thread of its own."""

    platform: Platform
    pids: dict[str, int]
    samples: list[Sample] = field(default_factory=list)

    def look(self, until: threading.Event) -> None:
        """Once at the beginning, then again and again."""
        began = time.monotonic()
        with self.platform.database() as database:
            while True:
                self.samples.append(self._sample(time.monotonic() - began, database))
                if until.wait(EVERY_S):
                    self.samples.append(self._sample(time.monotonic() - began, database))
                    return

    def _sample(self, at: float, database: psycopg.Connection) -> Sample:
        row = database.execute(STORED).fetchone()
        database.commit()
        cpu = {name: tree_cpu_seconds(pid) for name, pid in self.pids.items()}
        resident = {name: tree_resident_mb(pid) for name, pid in self.pids.items()}
        return Sample(at, int(row[0]) if row else 0, cpu, resident)


def tenths(samples: list[Sample], files: int) -> list[Tenth]:
    """What each tenth of the files took. Samples are a second apart, and so are the borders."""
    borders = [
        next(each for each in samples if each.stored >= files * number / TENTHS)
        for number in range(TENTHS + 1)
    ]
    return [
        Tenth(
            files=end.stored - begin.stored,
            seconds=round(end.at - begin.at, 1),
            cpu=difference(end.cpu, begin.cpu),
            resident_mb=end.resident,
        )
        for begin, end in pairwise(borders)
    ]


def growth(samples: list[Sample]) -> dict[str, float]:
    """MB a minute over the second half, by process."""
    return {
        name: round(growth_per_minute([(each.at, each.resident[name]) for each in samples]), 2)
        for name in samples[-1].resident
    }


def endure(stage: run.Stage, workload: Workload) -> Endurance:
    """Import it into empty tables. `SystemExit` if it is not whole."""
    folder = run.shared(stage.drive, workload)
    stage.drive.delay(0)
    with (
        emptied(stage.servers) as platform,
        ours.running_services(platform, stage.drive, stage.folder / "services") as system,
    ):
        samples = _watched(system, stage, folder, workload)
    return Endurance(
        size=workload.sizes[0],
        tenths=tenths(samples, workload.files),
        growth_mb_per_minute=growth(samples),
    )


def _watched(system: System, stage: run.Stage, folder: str, workload: Workload) -> list[Sample]:
    pids = {name: process.pid for name, process in system.processes.items()}
    meter = ours.Meter.of({**pids, "drive": stage.drive.pid})
    watch, done = Watch(system.platform, dict(meter.pids)), threading.Event()
    thread = threading.Thread(target=watch.look, args=(done,), daemon=True)
    thread.start()
    try:
        imported = ours.import_folder(system, folder, workload.files, LIMIT_S)
    finally:
        done.set()
        thread.join()
    ours.insist(system, imported, workload)
    return watch.samples


def main() -> int:
    """0 if it could be measured; a goal that is missed is told, and is no failure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--files", type=int, default=1_000_000, help="images (%(default)s)")
    add("--size", type=int, default=10_240, help="bytes of an image (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="a report: the figures are added, or replaced")
    add("--data-dir", type=Path, help="where the servers keep their data (a temporary folder)")
    given = parser.parse_args()
    workload = Workload("endurance", given.files, (given.size,), folders=given.files // 10_000 or 1)
    with run.running_everything(given.data_dir) as stage:
        free = shutil.disk_usage(stage.folder).free
        sys.stderr.write(f"{free / 1e9:.0f} GB of disk are free; {os.cpu_count()} cores.\n")
        measured = Report(machine=run.machine(), endurance=endure(stage, workload))
    if given.json:
        before = page.read_json(given.json) if given.json.exists() else measured
        page.write_json(given.json, before.updated(measured))
    sys.stdout.write(page.rendered(measured, whole=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

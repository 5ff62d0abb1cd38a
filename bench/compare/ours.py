"""Imports by Drivestream's own processes, started anew for each, and measured to the last row."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.compare.figures import SERVICES, Again, Run, difference
from bench.compare.workloads import Workload
from bench.drive.client import RunningDrive
from bench.processes import (
    children_by_name,
    forget_peaks,
    machine_cpu_seconds,
    tree_cpu_seconds,
    tree_peak_mb,
)
from drive_emulator.testing import RunningEmulator
from local.run.processes import Children
from services.adapters.environment import OF_LIBRARIES
from tests.platform import Platform
from tests.system import System, free_port, link

SERVERS = {"java": "kafka", "postgres": "postgres", "minio": "minio"}
SETTLE_S, LIMIT_S, POLL_S = 3.0, 1_200.0, 0.03
SETTINGS = {"GOOGLE_API_KEY": "bench", "DRIVE_QUOTA_UNITS_PER_MINUTE": "0"}
"""Everything else is at its default. rclone's pacer is off, too, but for its own defaults."""
PROGRESS = "SELECT stored, unchanged, failed, first_stored_at FROM imports WHERE id = %s"


@contextmanager
def running_services(
    platform: Platform, drive: RunningDrive, logs: Path, names: Sequence[str] = SERVICES
) -> Iterator[System]:
    """One of each service, ready, with nothing to do yet."""
    with Children(logs) as running:
        port = free_port()
        env = {
            **{k: v for k, v in platform.env.items() if not OF_LIBRARIES.fullmatch(k)},
            **drive.env,
            **SETTINGS,
            "PORT": str(port),
        }
        at = RunningEmulator("https://www.googleapis.com", SETTINGS["GOOGLE_API_KEY"], drive.pid)
        system = System(platform, at, f"http://127.0.0.1:{port}", running, env)
        system.start(*names)
        if "api" in names:
            system.wait_ready()
        for name in names:
            if name != "api":
                system.until(partial(system.answers, name), 60, f"{name} is not up")
        time.sleep(SETTLE_S)  # the groups have joined: what is measured is not the start
        yield system


@dataclass(frozen=True)
class Meter:
    """CPU and memory, by process, from when it is made."""

    pids: Mapping[str, int]
    before: Mapping[str, float]
    others_before: float
    began: float

    @classmethod
    def of(cls, more: Mapping[str, int | None]) -> "Meter":
        """The servers and these; peaks begin anew."""
        servers = {SERVERS[name]: pid for name, pid in children_by_name(SERVERS).items()}
        pids = servers | {name: pid for name, pid in more.items() if pid is not None}
        for pid in pids.values():
            forget_peaks(pid)
        return cls(pids, _cpu(pids), _cpu_of_others(), time.monotonic())

    def cpu(self) -> dict[str, float]:
        return difference(_cpu(self.pids), self.before)

    def others(self) -> float:
        """Cores that programs used which we have not started."""
        used = _cpu_of_others() - self.others_before
        return round(max(0.0, used) / (time.monotonic() - self.began), 2)

    def peak_mb(self) -> dict[str, float]:
        return {name: tree_peak_mb(pid) for name, pid in self.pids.items()}


def _cpu_of_others() -> float:
    return machine_cpu_seconds() - tree_cpu_seconds(os.getpid())


def _cpu(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: tree_cpu_seconds(pid) for name, pid in pids.items()}


@dataclass(frozen=True)
class Imported:
    """What PostgreSQL says of an import."""

    job: str
    seconds: float
    first_row_seconds: float | None
    stored: int
    unchanged: int
    failed: int


def import_folder(system: System, folder: str, files: int, limit: float = LIMIT_S) -> Imported:
    """From the request until the last of so many files has its outcome in PostgreSQL."""
    began, first = time.monotonic(), None
    job = system.post_import(link(folder))
    with system.platform.database() as database:
        while True:
            row = database.execute(PROGRESS, (job,)).fetchone()
            seconds = time.monotonic() - began
            if row is not None:
                stored, unchanged, failed, first_stored_at = row
                first = seconds if first is None and first_stored_at else first
                if stored + unchanged + failed >= files:
                    return Imported(job, seconds, first, stored, unchanged, failed)
            if seconds > limit:
                raise SystemExit(f"not done after {limit:.0f} s: {system.log('transfer')}")
            time.sleep(POLL_S)


def measure(system: System, drive: RunningDrive, folder: str, workload: Workload) -> Run:
    """One import into empty tables. `SystemExit` if not every file has a row of its own."""
    pids = {name: process.pid for name, process in system.processes.items()}
    meter = Meter.of({**pids, "drive": drive.pid})
    done = import_folder(system, folder, workload.files)
    cpu, peak, others = meter.cpu(), meter.peak_mb(), meter.others()
    insist(system, done, workload)
    return Run(
        files=workload.files,
        bytes=workload.bytes,
        seconds=round(done.seconds, 3),
        cpu=cpu,
        peak_mb=peak,
        first_row_seconds=done.first_row_seconds and round(done.first_row_seconds, 3),
        others=others,
    )


def insist(system: System, done: Imported, workload: Workload) -> None:
    """What was measured must be a whole import."""
    with system.platform.database() as database:
        row: Any = database.execute("SELECT count(*), sum(size) FROM images").fetchone()
    if done.stored != workload.files or tuple(map(int, row)) != (workload.files, workload.bytes):
        raise SystemExit(f"the import is not whole: {done}; rows and bytes: {row}")


def measure_again(system: System, drive: RunningDrive, folder: str, files: int) -> Again:
    """Import a folder again that is there already; then again, with one file changed."""
    _wait_ended(system.platform.database())
    before = drive.counts()["media"]
    same = import_folder(system, folder, files)
    downloads = drive.counts()["media"] - before
    with system.platform.database() as database:
        found = database.execute("SELECT google_drive_id FROM images LIMIT 1").fetchone()
    assert found is not None
    drive.change(found[0])
    changed = import_folder(system, folder, files)
    if same.unchanged != files or changed.stored != 1 or changed.failed:
        raise SystemExit(f"not as it should be: {same}, {changed}")
    return Again(
        files=files,
        seconds=round(same.seconds, 2),
        downloads=downloads,
        seconds_of_one=round(changed.seconds, 2),
        downloads_of_one=drive.counts()["media"] - before - downloads,
    )


def _wait_ended(database: psycopg.Connection) -> None:
    """Until no import runs: a second one of the same folder would wait for the first."""
    until = time.monotonic() + 60
    with database:
        while time.monotonic() < until:
            row = database.execute("SELECT count(*) FROM imports WHERE finished_at IS NULL")
            if row.fetchone() == (0,):
                return
            time.sleep(0.1)

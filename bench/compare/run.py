"""One measurement after the other."""

import json
import os
import platform as this_machine
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from bench.compare import ours, peers
from bench.compare.buckets import bucket_of_its_own, insist_on
from bench.compare.figures import BYTES, CEILING, OURS, Again, Rate, Report, Row, Run
from bench.compare.workloads import PEERS, Peer, Workload
from bench.drive.client import RunningDrive, running_drive
from bench.listing import Progress, Watch, manifests, request_import
from local.paths import CHECKOUT
from local.run.start import running_servers, temporary_data_dir
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from tests.platform import Platform, emptied

KINDS = ("kafka", "minio", "postgres")
RATE_LIMIT_S = 1_800
IN_MEMORY, ROOM = Path("/dev/shm"), 8_000_000_000
WARM_UP = Workload("warm-up", 1_000, (102_400,))
"""Servers that have just started compile and allocate what they have for good afterwards."""
LISTED = Workload("listed", 100_000, (102_400,), folders=20)


@dataclass(frozen=True)
class Course:
    """A workload at one latency of Drive, so many times."""

    workload: Workload
    delay_ms: int
    rounds: int
    with_defaults: bool = True


@dataclass(frozen=True)
class Stage:
    """The servers, and a folder for logs and configurations."""

    servers: dict[str, str]
    drive: RunningDrive
    folder: Path


@contextmanager
def running_everything(data_dir: Path | None) -> Iterator[Stage]:
    """Kafka, MinIO, PostgreSQL and the Drive server."""
    with ExitStack() as stack:
        parent = stack.enter_context(temporary_data_dir(data_dir))
        servers = stack.enter_context(running_servers(parent, KINDS))
        certificates = stack.enter_context(TemporaryDirectory(prefix="drivestream-"))
        drive = stack.enter_context(running_drive(Path(certificates)))
        yield Stage(servers, drive, parent)


@contextmanager
def warm_stage(data_dir: Path | None) -> Iterator[Stage]:
    """New servers that have done some work. Whatever earlier runs have left slows a store down:
    MinIO deletes minutes later what it was told to delete, and ext4 without a journal looks past
    each file that was deleted within the last minute whenever it makes a new one."""
    with running_everything(data_dir) as stage:
        import_once(stage, WARM_UP, delay_ms=0)
        os.sync()  # what was written is not for the next one to wait for
        yield stage


def measure(course: Course, stages: Callable[[], AbstractContextManager[Stage]]) -> Row:
    """Every contender once in each round, each on a stage of its own; every other round goes
    backwards."""
    runs: dict[str, list[Run]] = {}
    for number in range(course.rounds):
        contenders = [OURS, *(peer.name for peer in _peers(course, number)), BYTES, CEILING]
        for name in contenders[:: -1 if number % 2 else 1]:
            with stages() as stage:
                run = _one(stage, course, name)
            runs.setdefault(name, []).append(run)
            _tell(course, number, name, run)
    return Row(workload=course.workload.name, delay_ms=course.delay_ms, runs=runs)


def _peers(course: Course, number: int) -> list[Peer]:
    """Those with fewer files take long and vary little: once is enough."""
    return [peer for peer in PEERS if not peer.files or (course.with_defaults and number == 0)]


def _tell(course: Course, number: int, name: str, run: Run) -> None:
    sys.stderr.write(
        f"{course.workload.name}, {course.delay_ms} ms, round {number + 1}, {name}: "
        f"{run.files:,} files in {run.seconds:.1f} s, {run.files_per_second:,.0f}/s\n"
    )


def _one(stage: Stage, course: Course, name: str) -> Run:
    workload = course.workload
    if name == OURS:
        return import_once(stage, workload, course.delay_ms)[0]
    drive = stage.drive
    store = Platform(stage.servers).minio()
    with bucket_of_its_own(store) as bucket:
        env = {**stage.servers, "S3_BUCKET": bucket}
        if name == CEILING:
            result = peers.measure_ceiling(drive, env, workload)
        elif name == BYTES:
            folder = shared(drive, workload)
            drive.delay(course.delay_ms)
            result = peers.measure_bytes(drive, env, folder, workload)
        else:
            peer = next(each for each in PEERS if each.name == name)
            workload = workload.of(min(workload.files, peer.files or workload.files))
            folder = shared(drive, workload)
            drive.delay(course.delay_ms)
            config = stage.folder / "rclone.conf"
            peers.configure(config, folder, stage.servers)
            result = peers.measure_copy(drive, config, bucket, peer.flags, workload)
        insist_on(store, bucket, workload)
    return result


def shared(drive: RunningDrive, workload: Workload) -> str:
    """The workload's folder on Drive; its id."""
    return drive.add_tree(workload.tree, workload.files, workload.sizes, workload.folders)


def import_once(
    stage: Stage, workload: Workload, delay_ms: int, then_again: bool = False
) -> tuple[Run, Again | None]:
    """Into empty tables and topics; afterwards, if asked for, once more what is there already."""
    folder = shared(stage.drive, workload)
    stage.drive.delay(delay_ms)
    with (
        emptied(stage.servers) as platform,
        ours.running_services(platform, stage.drive, stage.folder / "services") as system,
    ):
        result = ours.measure(system, stage.drive, folder, workload)
        if not then_again:
            return result, None
        return result, ours.measure_again(system, stage.drive, folder, workload.files)


def with_row(report: Report, course: Course, data_dir: Path | None) -> Report:
    """One comparison more."""
    row = measure(course, partial(warm_stage, data_dir))
    return replace(report, rows=[*report.rows, row])


def with_again(report: Report, workload: Workload, data_dir: Path | None) -> Report:
    """How long an import takes that finds everything there, and one of a single changed file."""
    with running_everything(data_dir) as stage:
        return replace(report, again=again(stage, workload))


def again(stage: Stage, workload: Workload) -> Again:
    """Import, then twice more."""
    _, measured = import_once(stage, workload, delay_ms=0, then_again=True)
    assert measured is not None
    return measured


def with_listing(report: Report, data_dir: Path | None) -> Report:
    """How fast one lister lists."""
    with running_everything(data_dir) as stage:
        return replace(report, listing=listing(stage, LISTED))


def listing(stage: Stage, workload: Workload) -> Rate:
    """From the request until every folder is closed; nothing is copied."""
    folder = shared(stage.drive, workload)
    logs = stage.folder / "services"
    with (
        emptied(stage.servers) as platform,
        ours.running_services(platform, stage.drive, logs, ["lister"]) as system,
    ):
        kafka = KafkaSettings.read(Reader(platform.env))
        watch = Watch(system, Progress(manifests(kafka)))
        meter = ours.Meter.of({"lister": system.processes["lister"].pid})
        began = time.monotonic()
        request_import(kafka, folder)
        seconds = watch.run(began)
        if len(watch.progress.files) != workload.files:
            raise SystemExit(f"{len(watch.progress.files)} files were listed of {workload}")
        return Rate(
            count=workload.files, seconds=round(seconds, 2), cpu_seconds=meter.cpu()["lister"]
        )


def with_indexing(report: Report) -> Report:
    """How fast the indexer indexes, by its own benchmark."""
    told = _json_of("bench.rebuild", "--json")
    rate = Rate(count=told["events"], seconds=told["seconds"], cpu_seconds=told["cpu_seconds"])
    return replace(report, indexing=rate)


def _json_of(*command: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        timeout=RATE_LIMIT_S,
        check=True,
    )
    return json.loads(ran.stdout)


def where_data_is_kept(asked: Path | None) -> Path | None:
    """Of the servers: where it was asked for, else in memory if there is room, since programs are
    compared, and no disks. None is a temporary folder."""
    if asked is None and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM:
        return IN_MEMORY
    return asked


def machine() -> dict[str, str]:
    """What it was measured on. The load is that before anything of ours ran."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=CHECKOUT
    )
    return {
        "cores": str(os.cpu_count()),
        "processor": model[0] if model else this_machine.machine(),
        "memory": f"{pages * size / 1e9:.0f} GB",
        "kernel": this_machine.release(),
        "Python": this_machine.python_version(),
        "rclone": peers.rclone_version(),
        "Drivestream": commit.stdout.strip() or "unknown",
        "load average before": f"{os.getloadavg()[0]:.1f}",
    }

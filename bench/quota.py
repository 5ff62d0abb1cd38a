"""How much of its share each kind of work uses of Drive's quota, and how often it is refused.

    python -m bench.quota --workers 1,2,4
    python -m bench.quota --workers 2 --units 1000000 --seconds 30
    python -m bench.quota --workers 2 --told 650000    # twice what there is: refused, and slower

Real Kafka, MinIO and PostgreSQL, the Drive emulator with its quota on, so many listers and so many
transfers on every partition's backlog. What was used is the emulator's own count. Prints one JSON
object on standard output; what happens meanwhile goes to standard error.
"""

import argparse
import json
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from local.run.start import running_servers, temporary_data_dir
from services.adapters.drive.settings import QUOTA_USER
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.quota import USUAL_SHARES
from services.core.settings import Reader
from services.core.topics import FILES_FOUND, IMPORTS_PAGES
from tests.platform import Platform, emptied
from tests.system import System, link, running_system

CLASSES = {"lister": "list", "transfer": "media"}
BACKLOGS = {"lister": IMPORTS_PAGES, "transfer": FILES_FOUND}
# Folders without end for the listers, and pictures for the transfers: both last beyond the minute.
FOLDERS = {"name": "folders", "pictures": 1, "depth": 3, "fan_out": 20}
PICTURES = {"name": "pictures", "size": 8192, "depth": 1, "fan_out": 12}
JOIN_SECONDS = 60
FIND_SECONDS = 120
GOOD = 0.95
MOST = 1.02
"""Each worker may be one request ahead, which in a short measurement is more than a per cent."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """One measurement: so many of each worker, units a minute, and seconds of each stage."""

    workers: int
    units: int
    warm_up: int
    seconds: int

    @property
    def names(self) -> Sequence[str]:
        """Of all listers and transfers."""
        return [f"{kind}-{n}" for kind in CLASSES for n in range(1, self.workers + 1)]

    @property
    def pictures(self) -> int:
        """Ten times what can be fetched meanwhile: it comes unevenly from the partitions."""
        return round(10 * self.units * (self.warm_up + self.seconds) / 60 / 200)


@dataclass(frozen=True, kw_only=True)
class Used:
    """What one kind of work used of its units while it was measured.

    `backlog` is of the partition that had least left to do at the end.
    """

    allowance: int
    units: int
    part: float
    refused_before: int
    refused: int
    backlog: int

    @property
    def good(self) -> bool:
        """The target of the issue: nearly all is used, none refused, and there was work."""
        return GOOD <= self.part <= MOST and not self.refused and self.backlog > 0


def measure(system: System, course: Course) -> Mapping[str, Used]:
    """One course on an empty system, by kind of work."""
    drive = system.drive.url
    ask(f"{drive}/_emu/quota", {"profile": "units2026", "user_per_minute": course.units})
    pictures = system.drive.add_tree({**PICTURES, "pictures": course.pictures}, render=True)
    folders = system.drive.add_tree(FOLDERS)
    system.start("api", "indexer", *course.names)
    system.wait_ready()
    wait_for_shares(system)
    job = system.post_import(link(pictures))
    system.wait_import(job, FIND_SECONDS, lambda row: row["found"] == course.pictures)
    system.post_import(link(folders))
    began = _now(drive)
    time.sleep(course.warm_up + course.seconds + 1)
    since = began + course.warm_up
    report = ask(f"{drive}/_emu/quota?seconds={course.warm_up + course.seconds + 60}")
    seconds = report["users"][QUOTA_USER]["seconds"]
    return {
        kind: _used(kind, course, seconds, since, _least_backlog(system.platform, kind))
        for kind in CLASSES
    }


def _used(
    kind: str, course: Course, seconds: Sequence[Mapping[str, Any]], since: float, backlog: int
) -> Used:
    name = CLASSES[kind]
    first, last = int(since) + 1, int(since) + course.seconds  # whole seconds, `last` among them
    measured = [each for each in seconds if first <= each["at"] <= last]
    units = round(sum(each["used"].get(name, 0) for each in measured))
    allowance = round(course.units * USUAL_SHARES[kind] / 100 * (last - first + 1) / 60)
    return Used(
        allowance=allowance,
        units=units,
        part=round(units / allowance, 4),
        refused_before=sum(each["refused"].get(name, 0) for each in seconds if each["at"] < first),
        refused=sum(each["refused"].get(name, 0) for each in measured),
        backlog=backlog,
    )


def scrape(system: System) -> Mapping[str, Mapping[str, float]]:
    """What the workers' endpoints say: values by figure and worker."""
    figures: dict[str, dict[str, float]] = {}
    for worker in system.processes:
        if worker.split("-")[0] in CLASSES:
            for name, value in system.figures(worker).items():
                figures.setdefault(name, {})[worker] = value
    return figures


def wait_for_shares(system: System) -> None:
    """Until the shares that the workers report add up to what they may have together."""
    whole = sum(USUAL_SHARES[kind] for kind in CLASSES) / 100

    def shared_out() -> bool:
        try:
            shares = scrape(system).get("drivestream_quota_share_ratio", {})
        except OSError:  # a worker whose endpoint is not up yet
            return False
        return abs(sum(shares.values()) - whole) < 1e-3

    system.until(shared_out, JOIN_SECONDS, "the shares do not add up")


def _least_backlog(platform: Platform, kind: str) -> int:
    """Messages not done in the partition that has fewest."""
    topic = BACKLOGS[kind]
    settings = KafkaSettings.read(Reader(platform.env))
    group = settings.prefixed(kind)
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})
    try:
        name = settings.prefixed(topic.name)
        partitions = [TopicPartition(name, p) for p in range(topic.partitions)]
        done = {p.partition: max(0, p.offset) for p in consumer.committed(partitions, timeout=10)}
        return min(
            consumer.get_watermark_offsets(p, timeout=10)[1] - done[p.partition] for p in partitions
        )
    finally:
        consumer.close()


def _now(drive: str) -> float:
    """By the emulator's clock."""
    return float(ask(f"{drive}/_emu/quota?seconds=0")["now"])


def ask(address: str, body: Mapping[str, object] | None = None) -> Any:
    """The JSON answer of a GET, or of a POST if there is a body."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(address, data, timeout=20) as answer:
        return json.load(answer)


def main() -> int:
    """0 if all of it was good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--workers", default="1,2,4", help="of each kind: a course for every number"
    )
    parser.add_argument("--units", type=int, default=325_000, help="a minute: Google's limit")
    parser.add_argument("--told", type=int, help="what the workers think (as --units)")
    parser.add_argument("--warm-up", type=int, default=15, help="seconds")
    parser.add_argument("--seconds", type=int, default=60, help="that are measured")
    given = parser.parse_args()
    results = []
    with (
        temporary_data_dir() as data,
        running_servers(data, ["kafka", "minio", "postgres"]) as servers,
    ):
        for workers in map(int, given.workers.split(",")):
            course = Course(
                workers=workers,
                units=given.units,
                warm_up=given.warm_up,
                seconds=given.seconds,
            )
            settings = {"DRIVE_QUOTA_UNITS_PER_MINUTE": str(given.told or course.units)}
            with (
                emptied(servers) as platform,
                running_system(platform, data / f"logs-{workers}", settings) as system,
            ):
                used = measure(system, course)
            sys.stderr.write(f"{course}: {used}\n")
            results.append((course, used))
    told = [{**asdict(c), **{k: asdict(u) for k, u in used.items()}} for c, used in results]
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0 if all(u.good for _, used in results for u in used.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())

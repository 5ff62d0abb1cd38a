"""Holds the simulation of `bench.prediction` against real imports.

    python -m bench.predicted

Real Kafka, MinIO and PostgreSQL, and the Drive emulator. Prints a table; the exit code is 1 if a
prediction is off by more than 15 per cent.
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.prediction import Costs, File, Fleet, Prediction, Quota, predict
from local.run.start import running_servers, temporary_data_dir
from tests.platform import Platform, emptied
from tests.system import link, running_system

LIMIT_SECONDS = 300
ALLOWED = 0.15
SIZE = 102_400


@dataclass(frozen=True, kw_only=True)
class Course:
    """An import, and what holds it up: quota (units a minute, 0: no limit), latency (seconds)."""

    name: str
    files: int
    workers: int = 1
    concurrency: int = 32
    units: int = 0
    latency: float = 0.0

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "DRIVE_QUOTA_UNITS_PER_MINUTE": str(self.units),
            "TRANSFER_CONCURRENCY": str(self.concurrency),
        }

    def predicted(self, files: list[File]) -> Prediction:
        """The files are the real ones, since their ids decide which worker copies them."""
        fleet = Fleet(workers=self.workers, concurrency=self.concurrency)
        costs = Costs(drive_latency=self.latency, list_latency=0.05)
        return predict(files, fleet, costs, Quota(units=self.units))


COURSES = (
    Course(name="quota of 10 files/s, 1 worker", files=400, units=136_364),
    Course(name="quota of 20 files/s, 3 workers", files=800, workers=3, units=272_728),
    Course(name="100 ms, 5 at once, 1 worker", files=1500, concurrency=5, latency=0.1),
    Course(name="100 ms, 5 at once, 4 workers", files=4000, workers=4, concurrency=5, latency=0.1),
    Course(name="400 ms, 32 at once, 1 worker", files=3000, latency=0.4),
)


def measure(course: Course, platform: Platform, log: str) -> tuple[float, Prediction]:
    """Seconds that the import really took, and what the simulation says."""
    data_dir = temporary_data_dir()
    with data_dir as data, running_system(platform, data / log, course.settings) as system:
        tree = {"name": "p", "pictures": course.files, "size": SIZE, "depth": 1, "fan_out": 1}
        folder = system.drive.add_tree(tree, render=True)
        if course.latency:
            system.drive.fault({"do": "latency", "seconds": course.latency}, kinds=["media"])
        files = [File(id=each["id"], size=SIZE) for each in system.drive.files("p")]
        transfers = [f"transfer-{number + 1}" for number in range(course.workers)]
        system.start("api", "lister", "indexer", *transfers)
        system.wait_ready()
        time.sleep(8)  # the group has shared out its partitions
        began = time.monotonic()
        row = system.wait_import(system.post_import(link(folder)), LIMIT_SECONDS)
        took = time.monotonic() - began
        if row["stored"] != course.files:
            raise SystemExit(f"{course.name}: {row}")
    pictures = [file for file in files if file.size][: course.files]
    return took, course.predicted(pictures)


def main() -> int:
    """0 if every prediction is near enough."""
    off = []
    with (
        temporary_data_dir() as data,
        running_servers(data, ["kafka", "minio", "postgres"]) as servers,
    ):
        sys.stdout.write(f"{'import':32}  predicted  measured     off  limit\n")
        for course in COURSES:
            with emptied(servers) as platform:
                took, prediction = measure(course, platform, "logs")
            off.append(prediction.seconds / took - 1)
            sys.stdout.write(
                f"{course.name:32}  {prediction.seconds:7.1f} s  {took:6.1f} s  {off[-1]:+6.1%}"
                f"  {prediction.limit}\n"
            )
            sys.stdout.flush()
    return int(max(map(abs, off)) > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())

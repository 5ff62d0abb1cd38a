"""How long a small import takes behind big ones, and what that costs the big ones.

    python -m bench.lanes                                  # 100 files behind 50,000
    python -m bench.lanes --files 5000 --units 2000000     # shorter, with six times the quota
    python -m bench.lanes --courses alone,behind --workers 3

Real Kafka, MinIO and PostgreSQL, the Drive emulator, and the workers' quota on. Each course runs on
an empty system, with one and then with three of each worker. It asks for the big imports, waits
until they are listed and under way, asks for the small one, and takes the time until that has
ended. `at once` does not wait, so nobody can tell yet which import is the small one. With `--whole`
the big ones run to their ends, with and without the small one. Prints a table on standard
output; what happens meanwhile goes to standard error.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.run.start import running_servers, temporary_data_dir
from tests.platform import emptied
from tests.system import System, link, running_system

BIG = {
    "alone": 0,
    "behind": 1,
    "behind unchanged": 1,
    "behind three": 3,
    "at once": 1,
    "big alone": 1,
}
"""Courses, and their big imports."""
USUAL = "alone,behind,behind unchanged,behind three"
UNDER_WAY = 200
"""Files of each big import that are done before the small one is asked for."""
LIST_SECONDS, SMALL_SECONDS, BIG_SECONDS = 900, 3_600, 7_200
QUOTA, JOIN_SECONDS = "DRIVE_QUOTA_UNITS_PER_MINUTE", 8
GOOD = 1.5
"""Times as long as alone: what a small import may take behind others."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Files of a big and of a small import, and bytes of each file."""

    files: int
    small: int
    size: int
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds from the request on; None where it was not asked for, or not waited for."""

    small: float | None = None
    first: float | None = None  # until the first file of the small one was stored
    big: float | None = None  # the last of the big ones


def run(system: System, course: str, workers: int, sizes: Sizes) -> Times:
    """One course on an empty system."""
    many = BIG[course]
    bigs = [_tree(system, f"big-{number}", sizes.files, sizes.size) for number in range(many)]
    small = _tree(system, "small", sizes.small, sizes.size)
    kinds = [f"{kind}-{n}" for kind in ("lister", "transfer") for n in range(workers)]
    system.start("api", "indexer")
    system.wait_ready()
    if course == "behind unchanged":
        _fill(system, kinds, bigs[0])
    system.start(*kinds)
    time.sleep(JOIN_SECONDS)  # what is measured is the import, not the start
    began = time.monotonic()
    jobs = [system.post_import(link(each)) for each in bigs]
    for job in jobs:
        least = 0 if course in {"at once", "big alone"} else UNDER_WAY
        system.wait_import(job, LIST_SECONDS, _is_under_way(sizes.files, least))
    times = Times() if course == "big alone" else _small(system, small)
    if not (sizes.whole or course == "big alone"):
        return times
    for job in jobs:
        system.wait_import(job, BIG_SECONDS)
    big = time.monotonic() - began if jobs else None
    return Times(small=times.small, first=times.first, big=big)


def _fill(system: System, kinds: Sequence[str], folder: str) -> None:
    """Import the folder as fast as it goes."""
    told = system.env
    system.env = {**told, QUOTA: "0"}
    system.start(*kinds)
    system.wait_import(system.post_import(link(folder)), BIG_SECONDS)
    for kind in kinds:
        system.terminate(kind)
    system.env = told


def _is_under_way(files: int, least: int) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: row["found"] >= files and row["stored"] + row["unchanged"] >= least


def _tree(system: System, name: str, files: int, size: int) -> str:
    spec = {"name": name, "pictures": files, "size": size, "depth": 1, "fan_out": 10}
    return system.drive.add_tree(spec, render=True)


def _small(system: System, folder: str) -> Times:
    began = time.monotonic()
    job, first = system.post_import(link(folder)), None
    while time.monotonic() - began < SMALL_SECONDS:
        row = system.get(f"/imports/{job}")
        if first is None and row["stored"]:
            first = time.monotonic() - began
        if row["finished_at"]:
            return Times(small=time.monotonic() - began, first=first)
        time.sleep(0.05)
    raise SystemExit(f"the small import has not ended: {row}")


def table(results: Mapping[int, Mapping[str, Times]]) -> str:
    """By workers and course."""
    lines = ["workers  course             small s  x alone  first s    big s"]
    for workers, courses in results.items():
        alone = courses.get("alone", Times()).small
        for course, times in courses.items():
            ratio = times.small / alone if times.small and alone else None
            cells = (times.small, ratio, times.first, times.big)
            shown = "".join(f"{'-' if cell is None else f'{cell:.2f}':>9}" for cell in cells)
            lines.append(f"{workers:>7}  {course:<17}{shown}")
    return "\n".join(lines) + "\n"


def is_good(results: Mapping[int, Mapping[str, Times]]) -> bool:
    """Whether no small import took much longer behind others than alone."""
    for courses in results.values():
        alone = courses.get("alone", Times()).small
        found = [times.small for times in courses.values() if times.small]
        if alone and any(seconds > GOOD * alone for seconds in found):
            return False
    return True


def measure(given: argparse.Namespace) -> Mapping[int, Mapping[str, Times]]:
    """All courses that were asked for, by number of workers."""
    settings = {QUOTA: str(given.units)}
    sizes = Sizes(files=given.files, small=given.small, size=given.size, whole=given.whole)
    results: dict[int, dict[str, Times]] = {}
    with (
        temporary_data_dir() as data,
        running_servers(data, ["kafka", "minio", "postgres"]) as servers,
    ):
        for workers in map(int, given.workers.split(",")):
            for course in given.courses.split(","):
                logs = data / f"logs-{workers}-{course.replace(' ', '-')}"
                with (
                    emptied(servers) as platform,
                    running_system(platform, logs, settings) as system,
                ):
                    times = run(system, course, workers, sizes)
                sys.stderr.write(f"{workers} workers, {course}: {times}\n")
                results.setdefault(workers, {})[course] = times
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the small import was quick enough everywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000, help="of each big import")
    parser.add_argument("--small", type=int, default=100, help="files of the small import")
    parser.add_argument("--size", type=int, default=8_192, help="bytes of each file")
    parser.add_argument("--units", type=int, default=325_000, help="of Drive's quota, a minute")
    parser.add_argument("--workers", default="1,3", help="of each kind: all courses for each")
    parser.add_argument("--courses", default=USUAL, help=", ".join(BIG))
    parser.add_argument("--whole", action="store_true", help="wait for the big ones, too")
    results = measure(parser.parse_args(arguments))
    sys.stdout.write(table(results))
    return 0 if is_good(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())

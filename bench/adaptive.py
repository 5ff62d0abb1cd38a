"""Whether the transfer finds the concurrency that suits Drive's latency, and keeps it.

    python -m bench.adaptive                         # 0, 20, 100 and 400 ms; half an hour
    python -m bench.adaptive --latency 100 --fixed 16,32,64 --seconds 10

Real Kafka and MinIO, the Drive emulator with so much latency, and one transfer on a backlog that
was listed before. All settings take turns, so that what else the machine does hits them alike. For
each latency, a row for every fixed concurrency and one for the range, with medians of the rounds:

- the files a second from the 10th second on, since the first file was stored;
- after how many seconds a mean of 2 s first came within 10 % of the best fixed one;
- from then on: the limits, and how far the files of a second lie from their mean (swing).

Then one worker and four, with 5 files at once each, at 100 ms (`--workers`, 0 for none).
"""

import argparse
import math
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

from local.run.start import running_servers, temporary_data_dir
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import FILES_FOUND
from services.transfer.adaptation import USUAL_BOUNDS
from tests.platform import emptied
from tests.system import System, link, running_system

FIND_SECONDS, START_SECONDS = 300, 60
SETTLED_AFTER = 10.0
EVERY_SECONDS = 0.25
NEVER = math.inf
AT_ONCE, APART_MS = 5, 100
"""Of the comparison of workers: the mission's own concurrency."""


@dataclass
class Course:
    """Samples of one measurement, from the first file on: seconds, files stored, limits."""

    setting: str
    at: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def rate(self, begin: float, end: float) -> float:
        inside = [i for i, at in enumerate(self.at) if begin <= at <= end]
        if not inside or self.stored[inside[0]] == self.stored[inside[-1]]:
            raise SystemExit("The backlog ended: give more --files.")
        first, last = inside[0], inside[-1]
        return (self.stored[last] - self.stored[first]) / (self.at[last] - self.at[first])

    @property
    def settled(self) -> float:
        return self.rate(SETTLED_AFTER, self.at[-1] if self.at else 0.0)

    def reached(self, rate: float) -> float:
        """Seconds until the mean of 2 s first came so high."""
        ends = (end for end in self.at if end >= 2 and self.rate(end - 2, end) >= rate)
        return next(ends, NEVER)

    @property
    def swing(self) -> float:
        """The standard deviation of the files of each second, as a part of their mean."""
        # A sample may be late, so a second is told from the last one in it.
        last = int(self.at[-1])
        rates = [self.rate(second, second + 1.3) for second in range(int(SETTLED_AFTER), last)]
        return statistics.pstdev(rates) / statistics.mean(rates)

    @property
    def settled_limits(self) -> Sequence[int]:
        pairs = zip(self.at, self.limits, strict=True)
        return sorted(int(limit) for at, limit in pairs if at >= SETTLED_AFTER)


def scrape(system: System, name: str) -> tuple[float, float]:
    """What a transfer has stored, and its limit; nothing while it starts."""
    url = f"http://127.0.0.1:{system.metrics_ports[name]}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except OSError:
        return 0.0, 0.0
    samples = [sample for family in families for sample in family.samples]
    stored = (s.value for s in samples if s.labels.get("outcome") == "stored" and "files" in s.name)
    limits = (s.value for s in samples if s.name == "drivestream_worker_concurrency")
    return next(stored, 0.0), next(limits, 0.0)


@contextmanager
def transfers(system: System, many: int, setting: str) -> Iterator[Sequence[str]]:
    names = [f"transfer-{number}" for number in range(1, many + 1)]
    system.env = {**system.env, "TRANSFER_CONCURRENCY": setting}
    system.start(*names)
    try:
        yield names
    finally:
        for name in names:
            system.terminate(name)


def measure(system: System, setting: str, seconds: float, many: int = 1) -> Course:
    """A course of so many seconds after it has settled."""
    course, began = Course(setting), 0.0
    with transfers(system, many, setting) as names:
        until = time.monotonic() + START_SECONDS
        while (now := time.monotonic()) < until:
            seen = [scrape(system, name) for name in names]
            if all(stored for stored, _ in seen):
                if not began:
                    began, until = now, now + SETTLED_AFTER + seconds
                course.at.append(now - began)
                course.stored.append(sum(stored for stored, _ in seen))
                course.limits.append(sum(limit for _, limit in seen))
            time.sleep(EVERY_SECONDS)
    changes = [(0.0, 0.0), *zip(course.at, course.limits, strict=True)]
    shown = [f"{at:.1f}s {now:.0f}" for (_, old), (at, now) in pairwise(changes) if now != old]
    sys.stderr.write(f"{setting}: {', '.join(shown)}\n")
    return course


def list_files(system: System, files: int, size: int) -> None:
    """So many files more in the backlog; who listed them is gone."""
    tree = {"name": "bench", "pictures": files, "size": size, "depth": 1, "fan_out": 10}
    folder = system.drive.add_tree(tree, render=True)
    system.start("api", "lister")
    system.wait_ready()
    reader = LogReader(KafkaSettings.read(Reader(system.platform.env)), client_id="bench")
    topic = FILES_FOUND.name

    def found() -> int:
        return sum(reader.ends(topic, number)[1] for number in reader.partitions(topic))

    wanted = found() + files
    system.post_import(link(folder))
    system.until(lambda: found() >= wanted, FIND_SECONDS, lambda: f"{found()} files were found")
    reader.close()
    for name in ("api", "lister"):
        system.terminate(name)


def say(*cells: object) -> None:
    sys.stdout.write("".join(f"{cell!s:>12}" for cell in cells) + "\n")
    sys.stdout.flush()


def compare(
    system: System, milliseconds: int, fixed: Sequence[str], given: argparse.Namespace
) -> float:
    """A table; what the range reaches of the best fixed setting."""
    list_files(system, given.files, given.size)
    with latency(system, milliseconds):
        courses = [
            [measure(system, setting, given.seconds) for setting in (*fixed, USUAL_BOUNDS)]
            for _ in range(given.rounds)
        ]
    of_setting: list[tuple[Course, ...]] = list(zip(*courses, strict=True))
    rates = [statistics.median(course.settled for course in each) for each in of_setting]
    best = max(rates[:-1])
    for each, rate in zip(of_setting, rates, strict=True):
        limits = sorted(limit for course in each for limit in course.settled_limits)
        shown = f"{limits[0]}/{statistics.median(limits):.0f}/{limits[-1]}"
        reached = statistics.median(course.reached(0.9 * best) for course in each)
        swing = statistics.median(course.swing for course in each)
        after = f"{reached:.1f} s" if reached < NEVER else "-"
        part = f"{rate / best:.0%}"
        say(milliseconds, each[0].setting, f"{rate:.1f}", part, after, shown, f"{swing:.1%}")
    return rates[-1] / best


@contextmanager
def latency(system: System, milliseconds: int) -> Iterator[None]:
    effect = {"do": "latency", "seconds": milliseconds / 1000}
    rule = system.drive.fault(effect, kinds=["media"])
    try:
        yield
    finally:
        system.drive.clear_faults(rule)


def main() -> int:
    """0 if the range reaches 90 % of the best everywhere."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latency", default="0,20,100,400", help="milliseconds (%(default)s)")
    parser.add_argument("--fixed", default="4,8,16,32,64,128", help="settings (%(default)s)")
    parser.add_argument("--seconds", type=float, default=8, help="measured (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of all settings (%(default)s)")
    parser.add_argument("--files", type=int, default=200_000, help="of each latency (%(default)s)")
    parser.add_argument("--size", type=int, default=20_480, help="bytes of a file (%(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="compared with 1 (%(default)s)")
    given = parser.parse_args()
    with (
        temporary_data_dir() as data,
        running_servers(data, ["kafka", "minio", "postgres"]) as servers,
        emptied(servers) as platform,
        running_system(platform, data / "logs") as system,
    ):
        say("latency ms", "setting", "files/s", "of best", "90 % after", "limits", "swing")
        fixed = given.fixed.split(",")
        numbers = [int(each) for each in given.latency.split(",") if each]
        parts = [compare(system, number, fixed, given) for number in numbers]
        if given.workers:
            list_files(system, given.files, given.size)
            with latency(system, APART_MS):
                rates = [
                    statistics.median(
                        measure(system, str(AT_ONCE), given.seconds, many).settled
                        for _ in range(given.rounds)
                    )
                    for many in (1, given.workers)
                ]
            say(f"1 -> {given.workers}", AT_ONCE, *(f"{rate:.1f}" for rate in rates))
            say("", "", f"{rates[1] / rates[0]:.2f} x")
    return 0 if all(part >= 0.9 for part in parts) else 1


if __name__ == "__main__":
    raise SystemExit(main())

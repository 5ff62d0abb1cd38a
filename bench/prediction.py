"""How long an import will take: a simulation of the fleet, file by file.

    python -m bench.prediction --files 1000000x3000000 --workers 4
    python -m bench.prediction --files 9000x3000000 --files 10x2000000000 --units 0 --latency 0.1

Workers do not talk, and each is on a machine of its own. So each is simulated alone: its slots
take its files in the order in which they are listed, and wait for the quota of its partitions, for
Drive, for the line, for the processor and for the store. Times are seconds, sizes bytes.
`bench.predicted` holds it against real imports.
"""

import argparse
import heapq
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.core.flow.quota import USUAL_LIMITS, USUAL_SHARES
from services.core.murmur2 import partition_of

DOWNLOAD_UNITS, LIST_UNITS = 200, 100
PAGE = 1000
"""Files in an answer to `files.list` at most."""
MINUTE = 60
MOSTLY = 0.9


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Transfers, each on a machine of its own."""

    workers: int = 1
    concurrency: int = 32
    partitions: int = 12
    cores: float = 1.0
    """One Python process computes on one core."""

    def owner(self, partition: int) -> int:
        """Neighbours share out the partitions as evenly as can be, as every assignor does."""
        return partition * min(self.workers, self.partitions) // self.partitions


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a file costs, and what the line carries (bytes a second, 0: no limit)."""

    drive_latency: float = 0.1
    store_latency: float = 0.01
    acknowledged: float = 0.04
    """The last outcome waits so long for others (`linger_ms`). No slot is held meanwhile."""
    list_latency: float = 0.3
    line: float = 0.0
    cpu_file: float = 0.0006
    cpu_byte: float = 2e-9
    start: float = 0.5
    """From the request to the first page's listing, and from the last object to its row."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Units a minute for all, 0 for no limit, and each kind of work's part."""

    units: float = USUAL_LIMITS["units"]
    transfer: float = USUAL_SHARES["transfer"] / 100
    lister: float = USUAL_SHARES["lister"] / 100

    def gap(self, part: float, units: int) -> float:
        """Seconds between two requests of that cost."""
        return units * MINUTE / (self.units * part) if self.units else 0.0


@dataclass(frozen=True, kw_only=True)
class File:
    id: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Seconds until the last row, and how busy each thing of the last worker was, 0 to 1."""

    seconds: float
    busy: dict[str, float]

    @property
    def limit(self) -> str:
        """The first in the order of `busy`: whoever waits for the quota takes a slot meanwhile."""
        return next((name for name, part in self.busy.items() if part > MOSTLY), "listing")


@dataclass
class Server:
    """Serves one after another in the order in which they come."""

    free_at: float = 0.0
    busy: float = 0.0

    def serve(self, at: float, seconds: float) -> float:
        """When it is done."""
        self.busy += seconds
        self.free_at = max(self.free_at, at) + seconds
        return self.free_at


@dataclass
class Machine:
    """One worker: what its files wait for."""

    fleet: Fleet
    costs: Costs
    gap: float
    quota: Server = field(default_factory=Server)
    line: Server = field(default_factory=Server)
    cpu: Server = field(default_factory=Server)
    in_slots: float = 0.0

    def copy(self, file: File, at: float) -> float:
        """When a file is stored that a slot takes up at that time."""
        costs = self.costs
        sent = self.quota.serve(at, self.gap)
        answered = sent + costs.drive_latency
        over = self.line.serve(answered, file.size / costs.line if costs.line else 0.0)
        computing = (costs.cpu_file + file.size * costs.cpu_byte) / self.fleet.cores
        stored = self.cpu.serve(over, computing) + costs.store_latency
        self.in_slots += stored - at
        return stored

    def busy(self, seconds: float) -> dict[str, float]:
        servers = {"quota": self.quota, "line": self.line, "processor": self.cpu}
        parts = {name: server.busy / seconds for name, server in servers.items()}
        return parts | {"concurrency": self.in_slots / seconds / self.fleet.concurrency}


def predict(files: Sequence[File], fleet: Fleet, costs: Costs, quota: Quota) -> Prediction:
    """The import of one folder, whose pages are listed one after another."""
    page = max(costs.list_latency, quota.gap(quota.lister, LIST_UNITS))
    shares: list[list[tuple[float, File]]] = [[] for _ in range(fleet.workers)]
    for number, file in enumerate(files):
        listed = costs.start + page * (number // PAGE + 1)
        shares[fleet.owner(partition_of(file.id.encode(), fleet.partitions))].append((listed, file))
    ends = [_alone(share, fleet, costs, quota, worker) for worker, share in enumerate(shares)]
    seconds, last = max(ends, key=lambda end: end[0])
    return Prediction(
        seconds=seconds + costs.acknowledged + costs.start, busy=last.busy(seconds or 1.0)
    )


def _alone(
    share: Sequence[tuple[float, File]], fleet: Fleet, costs: Costs, quota: Quota, worker: int
) -> tuple[float, Machine]:
    """When a worker has stored its last file."""
    own = sum(fleet.owner(partition) == worker for partition in range(fleet.partitions))
    part = quota.transfer * own / fleet.partitions
    machine = Machine(fleet, costs, quota.gap(part, DOWNLOAD_UNITS) if own else 0.0)
    slots = [0.0] * fleet.concurrency
    for listed, file in share:
        heapq.heapreplace(slots, machine.copy(file, max(slots[0], listed)))
    return max(slots) if share else costs.start, machine


def drawn(groups: Sequence[str]) -> Iterator[File]:
    """Files of `COUNTxBYTES`, the groups mixed, with ids as random as Drive's.

    Raises `ValueError` for a group that is written in another way.
    """
    draw, sizes = random.Random(1), []
    for group in groups:
        count, size = map(int, group.split("x"))
        sizes += [size] * count
    draw.shuffle(sizes)
    for size in sizes:
        yield File(id=f"1{draw.getrandbits(128):032x}", size=size)


def main() -> int:
    """Always 0."""
    usual = Costs()
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--files", action="append", help="COUNTxBYTES, any number of times")
    add("--workers", type=int, default=1, help="transfers, each on a machine of its own")
    add("--concurrency", type=int, default=32, help="files that one copies at once")
    add("--units", type=float, default=USUAL_LIMITS["units"], help="a minute; 0: no limit")
    add("--latency", type=float, default=usual.drive_latency, help="seconds until Drive answers")
    add("--line", type=float, default=0.0, help="bytes a second of each machine; 0: no limit")
    add("--cpu", type=float, default=usual.cpu_file, help="seconds of a transfer's CPU a file")
    given = parser.parse_args()
    files = list(drawn(given.files or ["10000x102400"]))
    prediction = predict(
        files,
        Fleet(workers=given.workers, concurrency=given.concurrency),
        Costs(drive_latency=given.latency, line=given.line, cpu_file=given.cpu),
        Quota(units=given.units),
    )
    parts = ", ".join(f"{name} {part:.0%}" for name, part in prediction.busy.items())
    rate, size = len(files) / prediction.seconds, sum(file.size for file in files)
    sys.stdout.write(
        f"{len(files):,} files of {size / 1e9:,.1f} GB take {prediction.seconds:,.0f} s: "
        f"{rate:,.1f} files/s, {size / prediction.seconds / 1e6:,.1f} MB/s.\n"
        f"What limits it: the {prediction.limit}. Busy: {parts}.\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

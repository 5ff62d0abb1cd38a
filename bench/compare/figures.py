"""What was measured, as values, and what follows from it: rates, costs and ratios. No IO."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct, field

OURS, BYTES, CEILING = "drivestream", "bytes alone", "store"
SERVICES = ("transfer", "indexer", "lister", "api", "monitor")
MACHINERY = ("kafka", "postgres")
"""Broker and database: what rclone does without."""


class Run(Struct, frozen=True, kw_only=True):
    """One import, copy or series of PUTs, from its command to the last row, object or answer.

    CPU is in seconds and memory in MB, by process. Memory of a program with several processes is
    that of its largest: they share pages. `others` is how many cores programs that have nothing to
    do with it used meanwhile: on a quiet machine next to none.
    """

    files: int
    bytes: int
    seconds: float
    cpu: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    first_row_seconds: float | None = None
    others: float = 0.0

    @property
    def files_per_second(self) -> float:
        return self.files / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        return self.bytes / 1e6 / self.seconds

    def cpu_ms(self, names: Iterable[str]) -> float:
        """CPU milliseconds a file, of these processes together."""
        return 1_000 * sum(self.cpu.get(name, 0.0) for name in names) / self.files


class Row(Struct, frozen=True, kw_only=True):
    """One workload at one latency of Drive; of each contender a run for every round."""

    workload: str
    delay_ms: int
    runs: dict[str, list[Run]]

    def middle(self, contender: str, figure: Callable[[Run], float]) -> float | None:
        """The median over the rounds; None if the contender did not run."""
        runs = self.runs.get(contender)
        return median(map(figure, runs)) if runs else None

    def speed(self, contender: str) -> float | None:
        """Files a second."""
        return self.middle(contender, lambda run: run.files_per_second)

    def cpu_ms(self, contender: str, names: Sequence[str]) -> float | None:
        """CPU milliseconds a file, of these processes together."""
        return self.middle(contender, lambda run: run.cpu_ms(names))

    def ratio(self, contender: str, other: str) -> float | None:
        """How many times as fast one is as the other: the median over the rounds.

        Runs of one round are compared, since they met the machine in the same state. What was
        measured in fewer rounds is compared with the median of the other.
        """
        ours, theirs = self.runs.get(contender, []), self.runs.get(other, [])
        if not ours or not theirs:
            return None
        if len(ours) == len(theirs):
            pairs = zip(ours, theirs, strict=True)
            return median(a.files_per_second / b.files_per_second for a, b in pairs)
        return (self.speed(contender) or 0.0) / (self.speed(other) or 1.0)

    @property
    def others(self) -> float:
        """Cores that other programs used meanwhile, in the worst of the runs."""
        return max((run.others for runs in self.runs.values() for run in runs), default=0.0)

    def part_of_ceiling(self, contender: str) -> float | None:
        """Which part it reached of the bytes that the store takes by itself."""

        def rate(run: Run) -> float:
            return run.megabytes_per_second

        ours, most = self.middle(contender, rate), self.middle(CEILING, rate)
        return None if ours is None or most is None else ours / most


class Again(Struct, frozen=True, kw_only=True):
    """The same folder imported again: nothing changed, then one file changed."""

    files: int
    seconds: float
    downloads: int
    seconds_of_one: float
    downloads_of_one: int


class Rate(Struct, frozen=True, kw_only=True):
    """Things done in a time by one process, which used so much CPU."""

    count: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


class MemoryCase(Struct, frozen=True, kw_only=True):
    """A transfer worker's memory in one case.

    `growth_mb_per_minute` is the slope over the second half. `written_mb` is what the kernel says
    that the process has written to storage, and `open_files` are regular files that it had open,
    apart from its log.
    """

    case: str
    peak_mb: float
    growth_mb_per_minute: float
    written_mb: float
    open_files: list[str]
    seconds: float
    files: int
    bytes: int


class Tenth(Struct, frozen=True, kw_only=True):
    """A tenth of a long import: CPU in seconds, and memory in MB at its end, by process."""

    files: int
    seconds: float
    cpu: dict[str, float]
    resident_mb: dict[str, float]

    @property
    def files_per_second(self) -> float:
        return self.files / self.seconds

    def cpu_ms(self, names: Iterable[str]) -> float:
        """CPU milliseconds a file, of these processes together."""
        return 1_000 * sum(self.cpu.get(name, 0.0) for name in names) / self.files


class Endurance(Struct, frozen=True, kw_only=True):
    """A very long import of files of one size in bytes, by tenths.

    `growth_mb_per_minute` is the slope of each process's memory over the second half.
    """

    size: int
    tenths: list[Tenth]
    growth_mb_per_minute: dict[str, float]

    @property
    def last_of_first(self) -> float:
        """How fast the last tenth was, as a part of the first."""
        return self.tenths[-1].files_per_second / self.tenths[0].files_per_second


class Report(Struct, frozen=True, kw_only=True):
    """Everything that was measured, and on what."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    again: Again | None = None
    listing: Rate | None = None
    indexing: Rate | None = None
    memory: list[MemoryCase] = field(default_factory=list)
    endurance: Endurance | None = None

    def row(self, workload: str, delay_ms: int) -> Row | None:
        """None if it was not measured."""
        found = (r for r in self.rows if (r.workload, r.delay_ms) == (workload, delay_ms))
        return next(found, None)

    def updated(self, newer: "Report") -> "Report":
        """With all that the newer one has measured in place of what this one has of it."""
        rows = {(row.workload, row.delay_ms): row for row in (*self.rows, *newer.rows)}
        memory = {case.case: case for case in (*self.memory, *newer.memory)}
        return Report(
            machine=self.machine | newer.machine,
            rows=list(rows.values()),
            again=newer.again or self.again,
            listing=newer.listing or self.listing,
            indexing=newer.indexing or self.indexing,
            memory=list(memory.values()),
            endurance=newer.endurance or self.endurance,
        )


def growth_per_minute(samples: Sequence[tuple[float, float]]) -> float:
    """The slope of (seconds, MB) by least squares over the second half, in MB a minute."""
    half = [each for each in samples if each[0] >= samples[-1][0] / 2] if samples else []
    if len(half) < 2:
        return 0.0
    at, mb = (sum(values) / len(half) for values in zip(*half, strict=True))
    spread = sum((t - at) ** 2 for t, _ in half)
    return 60 * sum((t - at) * (m - mb) for t, m in half) / spread if spread else 0.0


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was used in between, to the kernel's hundredth of a second."""
    return {name: round(value - before.get(name, 0.0), 2) for name, value in after.items()}

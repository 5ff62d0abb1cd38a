"""What we want of each figure, and which are short of it. No IO."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from bench.compare.figures import CEILING, MACHINERY, OURS, SERVICES, Report
from bench.compare.workloads import CAMERA, DEFAULTS, LARGE, RCLONE_4, RCLONE_32, SMALL

TRANSFER_MB = 250
FLAT_MB_PER_MINUTE = 5.0
WRITTEN_MB = 1.0


class Goal(Struct, frozen=True, kw_only=True):
    """A figure and its bound, which it must not fall below, or not exceed. None: not measured."""

    name: str
    found: float | None
    bound: float
    at_least: bool = True
    unit: str = ""
    digits: int = 2

    @property
    def met(self) -> bool:
        if self.found is None:
            return False
        return self.found >= self.bound if self.at_least else self.found <= self.bound


def goals(report: Report) -> Sequence[Goal]:
    """Every goal, with what the report says of it."""
    return [
        *_speed(report),
        *_cost(report),
        *_far(report),
        *_again(report),
        *_rates(report),
        *_memory(report),
        *_endurance(report),
    ]


def _speed(report: Report) -> Iterator[Goal]:
    row = report.row(SMALL, 0)
    for other, bound in ((RCLONE_32, 1.0), (RCLONE_4, 1.15)):
        found = row.ratio(OURS, other) if row else None
        yield Goal(
            name=f"{SMALL}: speed, compared with {other}", found=found, bound=bound, unit="x"
        )
    large = report.row(LARGE, 0)
    part = large.part_of_ceiling(OURS) if large else None
    theirs = large.part_of_ceiling(RCLONE_32) if large else None
    # The peer shows how much of it a program that also downloads can have on this machine.
    bound = min(0.9, theirs) if theirs is not None else 0.9
    yield Goal(name=f"{LARGE}: part of what the {CEILING} takes", found=part, bound=bound)


def _cost(report: Report) -> Iterator[Goal]:
    row = report.row(SMALL, 0)
    for name, processes, bound in (
        ("the transfer", ("transfer",), 0.85),
        ("all services", SERVICES, 1.15),
        ("broker and database", MACHINERY, 0.35),
    ):
        found = row.cpu_ms(OURS, processes) if row else None
        yield Goal(
            name=f"{SMALL}: CPU a file, {name}", found=found, bound=bound, at_least=False, unit="ms"
        )


def _far(report: Report) -> Iterator[Goal]:
    row = report.row(SMALL, 100)
    for other, bound in ((RCLONE_32, 1.3), (DEFAULTS, 15.0)):
        found = row.ratio(OURS, other) if row else None
        name = f"{SMALL}, 100 ms: speed, compared with {other}"
        yield Goal(name=name, found=found, bound=bound, unit="x")
    mixed = report.row(CAMERA, 0)
    found = mixed.ratio(OURS, RCLONE_32) if mixed else None
    yield Goal(name=f"{CAMERA}: speed, compared with {RCLONE_32}", found=found, bound=1.0, unit="x")


def _again(report: Report) -> Iterator[Goal]:
    again = report.again
    yield Goal(
        name="unchanged folder imported again",
        found=again.seconds if again else None,
        bound=5.0,
        at_least=False,
        unit="s",
    )
    for name, found, bound in (
        ("downloads for an unchanged folder", again.downloads if again else None, 0.0),
        ("downloads for one changed file", again.downloads_of_one if again else None, 1.0),
    ):
        yield Goal(name=name, found=found, bound=bound, at_least=False, digits=0)


def _rates(report: Report) -> Iterator[Goal]:
    for name, rate, bound in (
        ("files found a second, one lister", report.listing, 10_000.0),
        ("events indexed a second", report.indexing, 20_000.0),
    ):
        yield Goal(name=name, found=rate.per_second if rate else None, bound=bound, digits=0)


def _memory(report: Report) -> Iterator[Goal]:
    for case in report.memory:
        for what, found, bound in (
            ("peak", case.peak_mb, float(TRANSFER_MB)),
            ("growth a minute", case.growth_mb_per_minute, FLAT_MB_PER_MINUTE),
            ("written to disk", case.written_mb, WRITTEN_MB),
        ):
            yield Goal(
                name=f"transfer's memory, {case.case}: {what}",
                found=found,
                bound=bound,
                at_least=False,
                unit="MB",
                digits=1,
            )
        yield Goal(
            name=f"transfer, {case.case}: regular files open",
            found=float(len(case.open_files)),
            bound=0.0,
            at_least=False,
            digits=0,
        )
    if not report.memory:
        name = "transfer's memory: peak"
        yield Goal(name=name, found=None, bound=TRANSFER_MB, at_least=False, unit="MB")


def _endurance(report: Report) -> Iterator[Goal]:
    long = report.endurance
    name = "long import: speed of the last tenth, as a part of the first"
    yield Goal(name=name, found=long.last_of_first if long else None, bound=0.9)
    for service in SERVICES if long else ():
        yield Goal(
            name=f"long import, {service}: growth a minute",
            found=long.growth_mb_per_minute.get(service) if long else None,
            bound=FLAT_MB_PER_MINUTE,
            at_least=False,
            unit="MB",
            digits=1,
        )

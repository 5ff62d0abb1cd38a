"""Reports with made-up figures."""

from bench.compare.figures import (
    CEILING,
    OURS,
    SERVICES,
    Again,
    Endurance,
    MemoryCase,
    Rate,
    Report,
    Row,
    Run,
    Tenth,
)
from bench.compare.workloads import DEFAULTS, LARGE, RCLONE_4, RCLONE_32, SMALL


def a_run(
    seconds: float, cpu: dict[str, float] | None = None, files: int = 1_000, size: int = 100_000
) -> Run:
    return Run(
        files=files,
        bytes=files * size,
        seconds=seconds,
        cpu=cpu or {},
        peak_mb=dict.fromkeys(cpu or {}, 50.0),
        others=0.25,
    )


def a_row(workload: str = SMALL, delay_ms: int = 0, **seconds: list[float]) -> Row:
    """A run of 1,000 files for each number of seconds."""
    names = {"ours": OURS, "four": RCLONE_4, "many": RCLONE_32, "usual": DEFAULTS, "store": CEILING}
    runs = {names[who]: [a_run(each) for each in took] for who, took in seconds.items()}
    return Row(workload=workload, delay_ms=delay_ms, runs=runs)


def a_case(**changes: object) -> MemoryCase:
    values = {
        "case": "big: 1 x 3,221 MB",
        "peak_mb": 120.0,
        "growth_mb_per_minute": 0.4,
        "written_mb": 0.1,
        "open_files": [],
        "seconds": 60.0,
        "files": 1_001,
        "bytes": 3 * 10**9,
        **changes,
    }
    return MemoryCase(**values)  # type: ignore[arg-type]


def a_long_import(seconds: float = 180.0, of_last: float = 185.0) -> Endurance:
    """A million files. The last tenth of them may take another time."""
    cpu, mb = dict.fromkeys(SERVICES, 20.0), dict.fromkeys(SERVICES, 100.0)
    tenths = [
        Tenth(files=100_000, seconds=each, cpu=cpu, resident_mb=mb)
        for each in (*[seconds] * 9, of_last)
    ]
    return Endurance(size=10_240, tenths=tenths, growth_mb_per_minute=dict.fromkeys(SERVICES, 0.3))


def a_whole_report() -> Report:
    """One in which everything was measured, and every goal is met."""
    small = a_row(ours=[2.0], four=[3.0], many=[2.1], usual=[90.0], store=[1.2])
    small.runs[OURS] = [
        a_run(2.0, {"transfer": 0.7, "indexer": 0.1, "lister": 0.1, "kafka": 0.2, "postgres": 0.1})
    ]
    return Report(
        machine={"cores": "2", "memory": "24 GB"},
        rows=[
            small,
            a_row(delay_ms=100, ours=[4.0], four=[30.0], many=[6.0], usual=[95.0]),
            a_row(LARGE, ours=[2.0], many=[2.1], store=[1.9]),
            a_row("camera roll", ours=[2.0], many=[2.1], store=[1.9]),
        ],
        again=Again(files=10_000, seconds=3.0, downloads=0, seconds_of_one=3.5, downloads_of_one=1),
        listing=Rate(count=500_000, seconds=40.0, cpu_seconds=30.0),
        indexing=Rate(count=1_000_000, seconds=40.0, cpu_seconds=38.0),
        memory=[a_case()],
        endurance=a_long_import(),
    )

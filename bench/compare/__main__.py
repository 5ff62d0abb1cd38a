"""An import by Drivestream beside a copy by rclone: speed, CPU and memory.

    make bench                              # 100 KB, within about 3 minutes
    python -m bench.compare --full --json docs/performance.json    # everything: more than an hour
    python -m bench.compare.page            # docs/performance.md from that

Both read from the same Drive server over TLS and write to the same MinIO, in turns, on this
machine. An import ends when its last row is in PostgreSQL, a copy when rclone ends. Every run is
checked: all files, all bytes. What happens meanwhile goes to standard error.
"""

import argparse
import sys
from pathlib import Path

from bench.compare import page, run
from bench.compare.figures import Report
from bench.compare.workloads import WORKLOADS

QUICK_FILES, QUICK_ROUNDS, ROUNDS = 3_000, 2, 3


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--full", action="store_true", help="all workloads, latencies, peers and rates")
    add("--files", type=int, help="of each workload, instead of its own number")
    add("--rounds", type=int, help=f"of everything ({ROUNDS}; {QUICK_ROUNDS} without --full)")
    names = [each.name for each in WORKLOADS]
    add("--only", choices=names, help="one workload, at both latencies")
    add("--json", type=Path, metavar="FILE", help="write what was measured, too")
    add("--data-dir", type=Path, help="where the servers keep their data (a temporary folder)")
    return parser


def courses(given: argparse.Namespace) -> list[run.Course]:
    """What to measure, in order."""
    every = given.full or given.only
    rounds = given.rounds or (ROUNDS if every else QUICK_ROUNDS)
    if not every:
        quick = WORKLOADS[0].of(given.files or QUICK_FILES)
        return [run.Course(quick, delay_ms=0, rounds=rounds, with_defaults=False)]
    return [
        run.Course(workload.of(given.files or workload.files), delay_ms=delay, rounds=rounds)
        for workload in WORKLOADS
        if given.only in (None, workload.name)
        for delay in (0, 100)
    ]


def main() -> int:
    """0 if everything could be measured; a goal that is missed is told, and is no failure."""
    given = arguments().parse_args()
    machine = run.machine()
    with run.running_everything(given.data_dir) as stage:
        report = Report(
            machine=machine,
            rows=[run.measure(stage, course) for course in courses(given)],
            again=run.again(stage, WORKLOADS[0].of(given.files or 10_000)) if given.full else None,
        )
    if given.full:
        report = run.with_rates(report)
    if given.json:
        page.write_json(given.json, report)
    sys.stdout.write(page.rendered(report, whole=given.full))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

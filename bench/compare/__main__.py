"""An import by Drivestream beside a copy by rclone: speed, CPU and memory.

    make bench                              # 100 KB, within about 4 minutes
    python -m bench.compare --full --json docs/performance.json    # everything: more than an hour
    python -m bench.compare --only "5 MB" --json docs/performance.json    # one part of it
    python -m bench.compare.page            # docs/performance.md from that

Both read from the same Drive server over TLS and write to the same MinIO, in turns, on this
machine. An import ends when its last row is in PostgreSQL, a copy when rclone ends. Every run is
checked: all files, all bytes. What happens meanwhile goes to standard error. The file of `--json`
is written after every part; what it has of other parts is kept.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.compare import page, run
from bench.compare.figures import Report
from bench.compare.workloads import WORKLOADS

QUICK_FILES, QUICK_ROUNDS, ROUNDS = 3_000, 2, 3
AGAIN, LISTING, INDEXING = "again", "listing", "indexing"
Part = Callable[[Report], Report]


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--full", action="store_true", help="all workloads, latencies, peers and rates")
    add("--files", type=int, help="of each workload, instead of its own number")
    add("--rounds", type=int, help=f"of everything ({ROUNDS}; {QUICK_ROUNDS} without --full)")
    names = [*(each.name for each in WORKLOADS), AGAIN, LISTING, INDEXING]
    add("--only", choices=names, help="one workload, at both latencies, or one of the others")
    add("--json", type=Path, metavar="FILE", help="write what was measured, too")
    add("--data-dir", type=Path, help="of the servers (in memory, if there is room)")
    return parser


def courses(given: argparse.Namespace) -> list[run.Course]:
    """The comparisons to make, in order."""
    if not given.full and not given.only:
        quick = WORKLOADS[0].of(given.files or QUICK_FILES)
        rounds = given.rounds or QUICK_ROUNDS
        return [run.Course(quick, delay_ms=0, rounds=rounds, with_defaults=False)]
    return [
        run.Course(workload.of(given.files or workload.files), delay, given.rounds or ROUNDS)
        for workload in WORKLOADS
        if given.only in (None, workload.name)
        for delay in (0, 100)
    ]


def parts(given: argparse.Namespace) -> Iterator[Part]:
    """What to measure. Each part starts the servers that it needs and adds to the report."""
    for course in courses(given):
        yield partial(run.with_row, course=course, data_dir=given.data_dir)
    every = given.full and not given.only
    small = WORKLOADS[0]
    if every or given.only == AGAIN:
        again = small.of(given.files or small.files)
        yield partial(run.with_again, workload=again, data_dir=given.data_dir)
    if every or given.only == LISTING:
        yield partial(run.with_listing, data_dir=given.data_dir)
    if every or given.only == INDEXING:
        yield run.with_indexing


def main() -> int:
    """0 if everything could be measured; a goal that is missed is told, and is no failure."""
    given = arguments().parse_args()
    given.data_dir = run.where_data_is_kept(given.data_dir)
    data = "in memory" if given.data_dir == run.IN_MEMORY else "on disk"
    measured = Report(machine=run.machine() | {"the servers' data": data})
    for part in parts(given):
        measured = part(measured)
        if given.json:
            before = page.read_json(given.json) if given.json.exists() else measured
            page.write_json(given.json, before.updated(measured))
    sys.stdout.write(page.rendered(measured, whole=given.full))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m bench.compare.page`: docs/performance.md from docs/performance.json."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.compare.figures import BYTES, CEILING, MACHINERY, OURS, SERVICES, Endurance, Report, Row
from bench.compare.goals import Goal, goals
from bench.compare.workloads import DEFAULTS, RCLONE_4, RCLONE_32
from local.paths import CHECKOUT

JSON = CHECKOUT / "docs" / "performance.json"
MARKDOWN = CHECKOUT / "docs" / "performance.md"
CONTENDERS = (OURS, RCLONE_4, RCLONE_32, DEFAULTS, BYTES, CEILING)
PROCESSES = (*SERVICES, *MACHINERY, "minio", "rclone", "client", "drive")
INTRODUCTION = """\
# Performance

Drivestream beside [rclone](https://rclone.org), on one machine, in turns. Both read from the same
Drive server over TLS (`bench/drive`) and write to the same MinIO. This page is generated from
`performance.json` by `python -m bench.compare.page`. What measures it:

```
python -m bench.compare --full --json docs/performance.json    # more than an hour
python -m bench.memory --json docs/performance.json            # adds its cases to the file
python -m bench.endurance --json docs/performance.json         # an hour; adds a long import
```

- An import ends when its last row is in PostgreSQL, a copy when rclone ends. Every run has servers
  and services of its own, which are ready when it begins, and warm from a small import that is not
  measured. Every run is checked: all files, all bytes.
- The servers keep their data in memory. On a disk the same programs are slower, and differ more
  from run to run, by what earlier runs have left there
  ([decision 69](decisions/0069-benchmarks-in-memory.md)).
- Drivestream has its default settings, except that its quota is off, as rclone's pacer is. "rclone,
  its defaults" has its pacer on, which lets through about ten requests a second after the first
  hundred, so it is given fewer files, and is measured once. With both limits on, Google's quota
  decides, not the program.
- `bytes alone` is the same files from Drive to the store by the libraries of the transfer, 32 at
  once, without events, rows, limits and retries: no import that uses them can be faster.
- `store` is the same bytes put from memory by 32 requests at once, without Drive, events and rows.
- Figures are medians over the rounds. A ratio is the median of the rounds' own ratios.
- All processes share the machine's cores, so a program also waits for the servers that it uses.
  Where other programs used more than a few hundredths of a core, the speeds say little; CPU a file
  and memory still do.
"""


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _shown(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _speeds(row: Row) -> str:
    lines = [
        [
            name,
            _shown(row.middle(name, lambda run: run.files)),
            _shown(row.middle(name, lambda run: run.seconds), 1),
            _shown(row.speed(name), 1),
            _shown(row.middle(name, lambda run: run.megabytes_per_second), 1),
            _shown(row.ratio(OURS, name), 2) if name != OURS else "",
        ]
        for name in CONTENDERS
        if name in row.runs
    ]
    head = ("", "files", "seconds", "files/s", "MB/s", "Drivestream is x as fast")
    return _table(head, lines)


def _costs(row: Row) -> str:
    names = [name for name in CONTENDERS if name in row.runs]
    lines = [_cost_line(row, names, label, parts) for label, parts in _groups(row)]
    return _table(["CPU, ms a file", *names], lines)


def _groups(row: Row) -> Iterator[tuple[str, Sequence[str]]]:
    used = {name for runs in row.runs.values() for run in runs for name in run.cpu}
    for name in PROCESSES:
        if name in used:
            yield name, (name,)
    if OURS in row.runs:
        yield "**all services**", SERVICES
        yield "**broker and database**", MACHINERY


def _cost_line(row: Row, names: Sequence[str], label: str, parts: Sequence[str]) -> list[str]:
    cells = [label]
    for name in names:
        known = any(part in run.cpu for run in row.runs[name] for part in parts)
        # Broker and database are there while others run, and idle.
        idle = name != OURS and set(parts) <= set(MACHINERY)
        cells.append(_shown(row.cpu_ms(name, parts), 2) if known and not idle else "")
    return cells


def _memories(row: Row) -> str:
    names = [name for name in CONTENDERS if name in row.runs]
    lines = []
    for process in PROCESSES:
        peaks = {
            name: max((run.peak_mb.get(process, 0.0) for run in row.runs[name]), default=0.0)
            for name in names
            if name == OURS or process not in MACHINERY
        }
        if any(peaks.values()):
            lines.append([process, *(_shown(peaks.get(name) or None) for name in names)])
    return _table(["largest resident memory, MB", *names], lines)


def _sections(report: Report) -> Iterator[str]:
    for row in report.rows:
        some = next(iter(row.runs.values()))
        rounds = max(len(runs) for runs in row.runs.values())
        latency = f"{row.delay_ms} ms" if row.delay_ms else "no"
        yield f"## {row.workload}, {latency} latency\n"
        yield (
            f"{some[0].files:,} files, {some[0].bytes / 1e6:,.0f} MB; {rounds} rounds; each of "
            f"Drive's answers takes {row.delay_ms} ms longer. Other programs used at most "
            f"{row.others:.2f} cores meanwhile.\n"
        )
        yield from (_speeds(row), _costs(row), _memories(row))
        first = row.middle(OURS, lambda run: run.first_row_seconds or run.seconds)
        if first is not None:
            yield f"Drivestream's first row was there after {first:.2f} s.\n"
    yield from _others(report)


def _others(report: Report) -> Iterator[str]:
    if report.again:
        yield "## The same folder again\n"
        again = report.again
        yield (
            f"{again.files:,} files imported a second time: every one has its outcome after "
            f"{again.seconds:.1f} s, with {again.downloads} downloads. With one file changed: "
            f"{again.seconds_of_one:.1f} s and {again.downloads_of_one} download.\n"
        )
    rates = [("files listed", report.listing), ("events indexed", report.indexing)]
    if known := [(name, rate) for name, rate in rates if rate]:
        yield "## Rates of single services\n"
        lines = [
            [name, f"{r.count:,}", f"{r.seconds:.1f}", _shown(r.per_second), f"{r.cpu_seconds:.1f}"]
            for name, r in known
        ]
        yield _table(("one process", "count", "seconds", "a second", "its CPU seconds"), lines)
        yield (
            "Listing is that of 100,000 files in 20 folders, without latency, until the manifest "
            "that closes the last folder. Indexing is a rebuild of all tables (`python -m "
            "bench.rebuild`).\n"
        )
    if report.memory:
        yield "## A transfer worker's memory\n"
        yield _memory_cases(report)
    if report.endurance:
        yield from _endurance(report.endurance)


def _memory_cases(report: Report) -> str:
    lines = [
        [
            case.case,
            _shown(case.peak_mb, 1),
            _shown(case.growth_mb_per_minute, 1),
            _shown(case.written_mb, 2),
            ", ".join(case.open_files) or "none",
            f"{case.files:,}",
            _shown(case.bytes / 1e6),
            _shown(case.seconds),
        ]
        for case in report.memory
    ]
    head = (
        *("case", "peak MB", "MB more a minute", "written to disk, MB", "regular files open"),
        *("files copied", "MB copied", "seconds"),
    )
    return _table(head, lines)


def _endurance(long: Endurance) -> Iterator[str]:
    files = sum(tenth.files for tenth in long.tenths)
    yield f"## A long import: {files:,} files of {long.size / 1e3:,.0f} KB\n"
    costs = [
        [
            f"{number}",
            _shown(tenth.files_per_second),
            *(_shown(tenth.cpu_ms(names), 2) for names in (SERVICES, MACHINERY, ("minio",))),
            *(_shown(tenth.resident_mb.get(name)) for name in SERVICES),
        ]
        for number, tenth in enumerate(long.tenths, start=1)
    ]
    head = ("tenth", "files/s", "services' CPU, ms a file", "broker and database", "MinIO")
    yield _table((*head, *(f"{name}, MB" for name in SERVICES)), costs)
    grown = (f"{name} {mb:+.1f}" for name, mb in long.growth_mb_per_minute.items())
    yield f"MB more a minute in the second half: {', '.join(grown)}.\n"


def _machine(report: Report) -> str:
    lines = [[name, value] for name, value in report.machine.items()]
    return "## The machine\n\n" + _table(("", ""), lines)


def verdicts(found: Sequence[Goal]) -> str:
    """The section about the goals; first those that are missed."""
    short = [goal for goal in found if goal.found is not None and not goal.met]
    unknown = [goal.name for goal in found if goal.found is None]
    text = "## Short of the goals\n\n"
    text += _table(("goal", "found", "wanted"), [_line(g) for g in short]) if short else "Nothing"
    text += "" if short else " that was measured.\n"
    if unknown:
        text += f"\nNot measured: {'; '.join(unknown)}.\n"
    if met := [goal for goal in found if goal.met]:
        text += "\n## Goals that are met\n\n"
        text += _table(("goal", "found", "wanted"), [_line(g) for g in met])
    return text


def _line(goal: Goal) -> list[str]:
    bound = "at least" if goal.at_least else "at most"
    unit = f" {goal.unit}" if goal.unit else ""
    return [
        goal.name,
        f"{_shown(goal.found, goal.digits)}{unit}",
        f"{bound} {_shown(goal.bound, goal.digits)}{unit}",
    ]


def rendered(report: Report, whole: bool = True) -> str:
    """The page; without `whole` only tables and what is short of the goals."""
    parts = [INTRODUCTION, _machine(report)] if whole else []
    parts += _sections(report)
    found = goals(report)
    parts.append(verdicts(found if whole else [g for g in found if g.found is not None]))
    return "\n".join(parts)


def read_json(path: Path) -> Report:
    """Raises `msgspec.ValidationError` if it is something else."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def write_json(path: Path, report: Report) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def main(paths: Sequence[str]) -> int:
    """Arguments: the JSON file and the page, instead of those in docs/."""
    source, target = map(Path, paths) if paths else (JSON, MARKDOWN)
    target.write_text(rendered(read_json(source)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The report as a person reads it: aligned, and clear without colour."""

import textwrap
from collections.abc import Callable, Iterator, Sequence

from local.doctor.findings import Finding, Point, Report, Section, State

LABELS: dict[State, str] = {"ok": "ok", "wrong": "WRONG", "note": "note", "unchecked": "-"}
SAME = {True: "same", False: "differs", None: "-"}
WIDTH = 100


def text(report: Report, tidy: Callable[[str], str]) -> str:
    """All of it; every text of it passed through `tidy`."""
    lines = [f"Drivestream's doctor, {report.at}", ""]
    for section in report.sections:
        lines += [*_section(section, tidy), ""]
    if report.points:
        lines += [*_points(report.points, tidy), ""]
    spent = f" {report.units:,} units of Drive's quota were spent." if report.units else ""
    return "\n".join([*lines, _closing(report) + spent])


def _section(section: Section, tidy: Callable[[str], str]) -> Iterator[str]:
    yield section.title
    width = max((len(finding.check) for finding in section.findings), default=0)
    for finding in section.findings:
        yield from _finding(finding, width, tidy)


def _finding(finding: Finding, width: int, tidy: Callable[[str], str]) -> Iterator[str]:
    head = f"  {LABELS[finding.state]:<5}  {tidy(finding.check):<{width}}  "
    yield from _wrapped(head, tidy(finding.seen))
    if finding.todo:
        yield from _wrapped(" " * len(head) + "-> ", tidy(finding.todo))


def _points(points: Sequence[Point], tidy: Callable[[str], str]) -> Iterator[str]:
    yield "What no source confirms of Drive: what is assumed here, and what is seen"
    for point in points:
        yield f"  {SAME[point.same]:<7}  {point.point}"
        yield from _wrapped("           assumed  ", point.assumed)
        yield from _wrapped("           seen     ", tidy(point.seen))


def _wrapped(head: str, body: str) -> Iterator[str]:
    indent = " " * len(head)
    wrapped = textwrap.wrap(
        body, max(WIDTH - len(head), 40), break_long_words=False, break_on_hyphens=False
    )
    for number, line in enumerate(wrapped or [""]):
        yield f"{indent if number else head}{line}".rstrip()


def _closing(report: Report) -> str:
    number = len(list(report.wrong()))
    if not number:
        return "Nothing is wrong, as far as could be checked."
    return f"{number} {'thing is' if number == 1 else 'things are'} wrong: see WRONG above."

"""The doctor's report: as text, aligned and clear without colours, or as JSON."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from local.doctor.findings import Finding, State

LABELS: dict[State, str] = {"ok": "ok", "wrong": "WRONG", "note": "note", "unchecked": "-"}
AGREES = {True: "same", False: "differs", None: "-"}
WIDTH = 100
Clean = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """Something about Drive that its documentation leaves open.

    `same` tells whether Drive behaves as assumed; None if it could not be told.
    """

    point: str
    assumed: str
    seen: str
    same: bool | None


@dataclass(frozen=True, kw_only=True)
class Section:
    """Findings about one subject."""

    title: str
    findings: Sequence[Finding]


@dataclass(kw_only=True)
class Report:
    """Everything that was found. `units` of Drive's quota were spent; `at` is a time."""

    at: str
    sections: list[Section] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)
    units: int = 0

    def wrong(self) -> Iterator[Finding]:
        """What somebody must fix."""
        for section in self.sections:
            yield from (finding for finding in section.findings if finding.state == "wrong")

    def document(self, clean: Clean) -> Mapping[str, object]:
        """As one JSON object; `clean` is applied to every text in it."""
        document = {"ok": not any(self.wrong()), **asdict(self)}
        cleaned = _cleaned(document, clean)
        assert isinstance(cleaned, dict)
        return cleaned


def _cleaned(value: object, clean: Clean) -> object:
    match value:
        case str():
            return clean(value)
        case dict():
            return {name: _cleaned(each, clean) for name, each in value.items()}
        case list():
            return [_cleaned(each, clean) for each in value]
    return value


def text(report: Report, clean: Clean) -> str:
    """As text; `clean` is applied to everything that was found."""
    lines = [f"Drivestream doctor, {report.at}", ""]
    for section in report.sections:
        lines += [*_section(section, clean), ""]
    if report.assumptions:
        lines += [*_assumptions(report.assumptions, clean), ""]
    spent = f" {report.units:,} units of Drive's quota were used." if report.units else ""
    return "\n".join([*lines, _conclusion(report) + spent])


def _section(section: Section, clean: Clean) -> Iterator[str]:
    yield section.title
    width = max((len(finding.check) for finding in section.findings), default=0)
    for finding in section.findings:
        head = f"  {LABELS[finding.state]:<5}  {clean(finding.check):<{width}}  "
        yield from _wrapped(head, clean(finding.seen))
        if finding.todo:
            yield from _wrapped(" " * len(head) + "-> ", clean(finding.todo))


def _assumptions(assumptions: Sequence[Assumption], clean: Clean) -> Iterator[str]:
    yield "Points that Drive's documentation leaves open: assumed and observed"
    for each in assumptions:
        yield f"  {AGREES[each.same]:<7}  {each.point}"
        yield from _wrapped("           assumed  ", each.assumed)
        yield from _wrapped("           seen     ", clean(each.seen))


def _wrapped(head: str, body: str) -> Iterator[str]:
    indent = " " * len(head)
    wrapped = textwrap.wrap(
        body, max(WIDTH - len(head), 40), break_long_words=False, break_on_hyphens=False
    )
    for number, line in enumerate(wrapped or [""]):
        yield f"{indent if number else head}{line}".rstrip()


def _conclusion(report: Report) -> str:
    number = len(list(report.wrong()))
    if not number:
        return "No problems were found."
    return f"{number} {'problem was' if number == 1 else 'problems were'} found: see WRONG above."

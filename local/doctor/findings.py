"""What the doctor found: one vocabulary for the text and for JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "wrong", "note", "unchecked"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check: what was seen, and what to do where that is wrong (or worth knowing)."""

    check: str
    state: State = "ok"
    seen: str
    todo: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point that the reference leaves open. `same` is None where the two cannot be compared."""

    point: str
    assumed: str
    seen: str
    same: bool | None


@dataclass(frozen=True, kw_only=True)
class Section:
    """Findings about one thing."""

    title: str
    findings: Sequence[Finding]


@dataclass(kw_only=True)
class Report:
    """All of it. `units` of Drive's quota were spent, `at` is an ISO time."""

    at: str
    sections: list[Section] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    units: int = 0

    def wrong(self) -> Iterator[Finding]:
        """What somebody must see to."""
        for section in self.sections:
            yield from (finding for finding in section.findings if finding.state == "wrong")

    def document(self, tidy: Callable[[str], str]) -> Mapping[str, object]:
        """As one JSON object, every text of it passed through `tidy`."""
        return {
            "ok": not any(self.wrong()),
            "at": self.at,
            "units": self.units,
            "sections": [
                {
                    "title": section.title,
                    "findings": [
                        {
                            "check": tidy(finding.check),
                            "state": finding.state,
                            "seen": tidy(finding.seen),
                            "todo": tidy(finding.todo),
                        }
                        for finding in section.findings
                    ],
                }
                for section in self.sections
            ],
            "points": [
                {
                    "point": point.point,
                    "assumed": point.assumed,
                    "seen": tidy(point.seen),
                    "same": point.same,
                }
                for point in self.points
            ],
        }


def wrong(check: str, seen: str, todo: str) -> Finding:
    """Something to see to, and how."""
    return Finding(check=check, state="wrong", seen=seen, todo=todo)


def note(check: str, seen: str, todo: str = "") -> Finding:
    """Nothing wrong, but worth knowing."""
    return Finding(check=check, state="note", seen=seen, todo=todo)


def unchecked(check: str, seen: str) -> Finding:
    """Not looked at, and why."""
    return Finding(check=check, state="unchecked", seen=seen)


def guarded(check: str, look: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    """The findings of a check; one that fails in a way nobody foresaw must not hide the others.

    Its error is named by kind only: its text may hold anything.
    """
    try:
        return look()
    except Exception as why:  # noqa: BLE001 - the reason is the docstring's
        return [wrong(check, f"This check itself failed: {type(why).__name__}.", "Report it.")]

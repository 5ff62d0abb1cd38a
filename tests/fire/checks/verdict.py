"""What a check says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_WRONG = 200


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`counted` says what was looked at, and `wrong` what does not hold, with where to look."""

    name: str
    counted: str
    wrong: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        return not self.wrong


def verdict(name: str, counted: str, wrong: Iterable[str]) -> Verdict:
    """At most so many faults: one cause may have thousands."""
    return Verdict(name=name, counted=counted, wrong=list(_first(wrong)))


def _first(wrong: Iterable[str]) -> Iterator[str]:
    for number, each in enumerate(wrong):
        if number == MOST_WRONG:
            yield "… and more"
            return
        yield each


def unlike(what: str, expected: object, found: object) -> Iterator[str]:
    """A sentence, unless the two are equal."""
    if expected != found:
        yield f"{what}: expected {expected}, found {found}"

"""What a check finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "wrong", "note", "unchecked"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check: what was seen and, if it is wrong or notable, what to do."""

    check: str
    state: State = "ok"
    seen: str
    todo: str = ""


def wrong(check: str, seen: str, todo: str) -> Finding:
    """Something that must be fixed, and how."""
    return Finding(check=check, state="wrong", seen=seen, todo=todo)


def note(check: str, seen: str, todo: str = "") -> Finding:
    """Nothing wrong, but worth knowing."""
    return Finding(check=check, state="note", seen=seen, todo=todo)


def unchecked(check: str, seen: str) -> Finding:
    """Something that was not checked, and why."""
    return Finding(check=check, state="unchecked", seen=seen)


def guarded(check: str, look: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    """The findings of a check, even if it fails unexpectedly: it must not hide the other checks.

    Only the type of its error is shown, because the message may contain anything.
    """
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - see the docstring
        return [wrong(check, f"The check itself failed: {type(error).__name__}.", "Report this.")]

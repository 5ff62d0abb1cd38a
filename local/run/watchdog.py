"""Ends the processes of a parent that died without ending them (SIGKILL, out of memory).

Run as a script, apart from the package and its imports: it must start in milliseconds and outlive
anything. The parent writes one line per change to standard input, `+ GROUP SIGNAL` or `- GROUP`;
the end of the input means that the parent is gone. Each group that is left gets its signal, ten
seconds to obey, then SIGKILL.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

PATIENCE_S = 10.0


def groups_left(lines: Iterable[str]) -> dict[int, int]:
    """The process groups still registered when the input ends, with the signal that stops each."""
    groups: dict[int, int] = {}
    for line in lines:
        match line.split():
            case ["+", group, number]:
                groups[int(group)] = int(number)
            case ["-", group]:
                groups.pop(int(group), None)
    return groups


def alive(group: int) -> bool:
    """Whether any process is left in the group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def end(groups: dict[int, int]) -> None:
    """Signal each group, wait, and kill what is left. Newest first: services before servers."""
    for group in reversed(groups):
        with suppress(ProcessLookupError):
            os.killpg(group, groups[group])
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(alive(group) for group in groups):
        time.sleep(0.05)
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(groups_left(sys.stdin))

"""Stops the processes of a parent that died and could not stop them itself (SIGKILL, no memory).

It runs as a script without our package, so that it starts in milliseconds and cannot fail with us.
The parent writes to its standard input `+ GROUP SIGNAL` to register a process group and `- GROUP`
to remove it. When the input ends, the parent is gone: each group that is still registered gets its
signal, then ten seconds to stop, then SIGKILL.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

STOP_TIMEOUT_S = 10.0


def registered_groups(lines: Iterable[str]) -> dict[int, int]:
    """The process groups that are registered when the input ends, with their stop signals."""
    groups: dict[int, int] = {}
    for line in lines:
        match line.split():
            case ["+", group, number]:
                groups[int(group)] = int(number)
            case ["-", group]:
                groups.pop(int(group), None)
    return groups


def alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def stop(groups: dict[int, int]) -> None:
    """Send each group its signal, wait for all of them together, and kill the rest."""
    for group in reversed(groups):
        with suppress(ProcessLookupError):
            os.killpg(group, groups[group])
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline and any(alive(group) for group in groups):
        time.sleep(0.05)
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stop(registered_groups(sys.stdin))

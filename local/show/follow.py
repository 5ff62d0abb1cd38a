"""Following an import to its end: asks once or twice a second, and gives up on a standstill."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from local.show.api import Progress, Unreachable


class StandstillError(Exception):
    """The import takes too long; the sentence says what was seen last."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait for any change, and for the end, in seconds."""

    standstill_s: float = 120.0
    overall_s: float = 3600.0


def follow(
    ask: Callable[[], Progress],
    between: Callable[[], None],
    seen: Callable[[Progress], None],
    limits: Limits,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Ask until the import has ended, showing each answer; its last one.

    An API that does not answer is asked again (it may be starting anew), within the same limits.
    `between` waits for the next turn, and raises to end the matter.
    """
    began = changed_at = clock()
    last: Progress | None = None
    trouble = "nothing was answered"
    while True:
        try:
            progress = ask()
        except Unreachable as error:
            trouble = str(error)
        else:
            trouble = f"{progress.state}: {progress.equation()}"
            if progress != last:
                last, changed_at = progress, clock()
            seen(progress)
            if progress.final:
                return progress
        now = clock()
        if now - changed_at > limits.standstill_s:
            raise StandstillError(
                f"Nothing has changed for {limits.standstill_s:.0f} s. Last seen: {trouble}. "
                "The logs say more."
            )
        if now - began > limits.overall_s:
            raise StandstillError(
                f"The import has not ended within {limits.overall_s:.0f} s. Last seen: {trouble}."
            )
        between()

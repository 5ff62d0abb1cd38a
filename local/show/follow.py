"""Following an import to its end, within limits."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from local.show.api import ApiUnavailableError, ImportReport


class NoProgressError(Exception):
    """The import takes too long. The message says what was seen last."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait for any change, and for the end, in seconds."""

    no_progress_s: float = 120.0
    overall_s: float = 3600.0


def follow(
    ask: Callable[[], ImportReport],
    pause: Callable[[], None],
    show: Callable[[ImportReport], None],
    limits: Limits,
    clock: Callable[[], float] = time.monotonic,
) -> ImportReport:
    """Ask until the import has ended, and show each report; returns the last one.

    An API that does not answer may be restarting, so it is asked again, within the same limits.
    `pause` waits between two requests, and may raise to give up.
    """
    began = changed_at = clock()
    last: ImportReport | None = None
    seen = "no answer"
    while True:
        try:
            report = ask()
        except ApiUnavailableError as error:
            seen = str(error)
        else:
            waits = f"; waits: {report.waiting_for}" if report.waiting_for else ""
            seen = f"{report.state}: {report.equation()}{waits}"
            if report != last:
                last, changed_at = report, clock()
            show(report)
            if report.final:
                return report
        now = clock()
        if now - changed_at > limits.no_progress_s:
            raise NoProgressError(
                f"Nothing has changed for {limits.no_progress_s:.0f} s. Last seen: {seen}. "
                "See the logs for more."
            )
        if now - began > limits.overall_s:
            raise NoProgressError(
                f"The import has not ended within {limits.overall_s:.0f} s. Last seen: {seen}."
            )
        pause()

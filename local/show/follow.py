"""Following an import or a replay to its end, within limits."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from local.show.api import ApiUnavailableError
from local.show.reports import Report

R = TypeVar("R", bound=Report)


class NoProgressError(Exception):
    """It takes too long. The message says what was seen last."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait for any change, for the end, and for an API that is away, in seconds."""

    no_progress_s: float = 120.0
    overall_s: float = 3600.0
    away_s: float = math.inf


def follow(
    ask: Callable[[], R],
    pause: Callable[[], None],
    show: Callable[[R], None],
    limits: Limits,
    clock: Callable[[], float] = time.monotonic,
) -> R:
    """Ask until it has ended, and show each report; returns the last one.

    An API that does not answer may be restarting, so it is asked again, within the same limits;
    `ApiUnavailableError` if it stays away. `pause` waits between two requests, and may raise to
    give up.
    """
    began = changed_at = answered_at = clock()
    last: R | None = None
    seen = "no answer"
    while True:
        try:
            report = ask()
        except ApiUnavailableError as error:
            seen = str(error)
            if clock() - answered_at > limits.away_s:
                raise
        else:
            waits = f"; waiting: {report.waiting_for}" if report.waiting_for else ""
            seen = f"{report.state}: {report.equation()}{waits}"
            answered_at = clock()
            queues = report.waiting_for is not None and report.waiting_for.has_its_turn_later
            if report != last or queues:
                last, changed_at = report, answered_at
            show(report)
            if report.final:
                return report
        _check(limits, clock() - changed_at, clock() - began, seen)
        pause()


def _check(limits: Limits, unchanged_s: float, overall_s: float, seen: str) -> None:
    if unchanged_s > limits.no_progress_s:
        raise NoProgressError(
            f"Nothing has changed for {limits.no_progress_s:g} s. Last seen: {seen.rstrip('.')}. "
            "Run `drivestream doctor` to find out why."
        )
    if overall_s > limits.overall_s:
        raise NoProgressError(
            f"It has not ended within {limits.overall_s:g} s. Last seen: {seen.rstrip('.')}."
        )

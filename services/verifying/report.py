"""What both commands say: progress to standard error, findings and result to standard output; as
objects, one a line, where they are asked for."""

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

import structlog

from services.adapters.catalog.writer import CatalogUnavailableError
from services.adapters.kafka.errors import KafkaUnavailableError
from services.core.errors import Stop, TryAgain
from services.core.settings import SettingsError

DONE, FAILED, MISCONFIGURED, AWAY, STOPPED = 0, 1, 2, 3, 130
TELL_SECONDS = 1.0
STOPS = (signal.SIGINT, signal.SIGTERM)


class Reporter:
    """`goes_on` is a sentence about what is left after a stop; set it as the work moves."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.goes_on = ""
        self._began = time.monotonic()
        self._told = 0.0

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def progress(self, words: str, done: int, expected: int, **numbers: object) -> None:
        """At most once a second. `expected` is an estimate."""
        if time.monotonic() - self._told < TELL_SECONDS:
            return
        self._told = time.monotonic()
        share = min(done / expected, 1.0) if expected else 0.0
        if self.as_json:
            told = {"state": "running", "done": done, "expected": expected, **numbers}
            self._line(told, sys.stderr)
            return
        left = ""
        if 0 < share < 1 and done > 500:
            left = f", about {round(self.seconds * (1 - share) / share)} s left"
        sys.stderr.write(f"[{'#' * round(20 * share):20}] {share:4.0%} {words}{left}\n")

    def say(self, sentence: str) -> None:
        """To a person."""
        if not self.as_json:
            sys.stderr.write(f"{sentence}\n")

    def found(self, line: str, document: Mapping[str, object]) -> None:
        """A part of the result, in words and as an object."""
        if self.as_json:
            self._line(document, sys.stdout)
        else:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def result(self, state: str, sentence: str, **numbers: object) -> None:
        """The last word."""
        if self.as_json:
            key = "error" if state == "error" else "message"  # as all commands say it
            told = {"state": state, key: sentence, "seconds": self.seconds, **numbers}
            self._line(told, sys.stdout)
        else:
            sys.stderr.write(f"{sentence}\n")

    def _line(self, told: Mapping[str, object], stream: TextIO) -> None:
        # A key may have characters that a terminal obeys, or that its encoding lacks.
        print(json.dumps(told), file=stream, flush=True)


def plain(key: str) -> str:
    """A key as it may be printed on a terminal."""
    return key if key.isprintable() else ascii(key)


def run(work: Callable[[], int], reporter: Reporter) -> int:
    """The exit code. A signal ends the work at any call, and a second one does not disturb that."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for number in STOPS:
        signal.signal(number, _interrupt)
    try:
        return work()
    except SettingsError as why:
        reporter.result("error", f"The settings are not valid:\n{why}")
        return MISCONFIGURED
    except KeyboardInterrupt:
        reporter.result("stopped", f"Stopped. {reporter.goes_on}".strip())
        return STOPPED
    except Stop as why:
        reporter.result("error", f"{why.message} {reporter.goes_on}".strip(), code=why.reason)
        return FAILED
    except TryAgain as why:
        said = why.message
    except CatalogUnavailableError as why:
        said = f"PostgreSQL: {why}."
    except KafkaUnavailableError as why:
        said = f"Kafka: {why}."
    reporter.result("error", f"{said} {reporter.goes_on}".strip())
    return AWAY


def _interrupt(_number: int, _frame: object) -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt

"""`python -m services.indexer.rebuild`: new tables from the topics, while the old ones answer.

    python -m services.indexer.rebuild             # begin, or go on after a stop
    python -m services.indexer.rebuild --discard   # throw away what a stopped rebuild has made
    --json                                         # progress and result as objects, one a line

Exit codes: 0 done, 1 refused or failed, 2 wrong settings, 3 a server is away, 130 stopped.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgspec
import structlog

from services.adapters.catalog.generation import Generation
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogUnavailableError
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import Publisher, publish_dead_letter
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.process import end, while_read
from services.core.errors import Stop
from services.core.events import Message
from services.core.settings import SettingsError, SettingsGroup, read_settings
from services.indexer.rebuilding import Progress, Rebuild

DONE, FAILED, MISCONFIGURED, AWAY, STOPPED = 0, 1, 2, 3, 130
CLIENT_ID = "drivestream-rebuild"
LOCK_SECONDS = 3.0  # PostgreSQL may notice late that the rebuild before this one is gone
TELL_SECONDS = 1.0
GO_ON = "The old tables are still in use. Run the command again to continue."
STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    kafka: KafkaSettings
    database: DatabaseSettings


class Reporter:
    """Progress goes to standard error, and the result to standard output."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._began = self._told = time.monotonic()
        self._step = ""
        self._first: float | None = None

    def progress(self, progress: Progress) -> None:
        """At each new step, and once a second."""
        now = time.monotonic()
        if self._first is None:
            self._first = progress.share
        if progress.step == self._step and now - self._told < TELL_SECONDS:
            return
        self._step, self._told = progress.step, now
        seconds, done = now - self._began, progress.share - self._first
        left = round(seconds * (1 - progress.share) / done) if done else None
        if self._json:
            told = {"state": "running", "step": progress.step, "done": round(progress.share, 3)}
            self._line(told | {"records": progress.records, "seconds_left": left}, sys.stderr)
            return
        bar = "#" * round(20 * progress.share)
        rest = f", about {left} s left" if left else ""
        sys.stderr.write(
            f"[{bar:20}] {progress.share:4.0%} {progress.step}: {progress.records:,} records in "
            f"{seconds:.0f} s{rest}\n"
        )

    def result(self, state: str, sentence: str, records: int = 0) -> None:
        if self._json:
            seconds = round(time.monotonic() - self._began, 1)
            key = "error" if state == "error" else "message"  # as all commands say it
            told = {"state": state, key: sentence, "seconds": seconds, "records": records}
            self._line(told, sys.stdout)
        else:
            sys.stderr.write(f"{sentence}\n")

    def _line(self, told: object, stream: object) -> None:
        print(msgspec.json.encode(told).decode(), file=stream, flush=True)  # type: ignore[call-overload]


def main(argv: list[str], env: Mapping[str, str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="services.indexer.rebuild")
    parser.add_argument("--discard", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    reporter = Reporter(given.json)
    # Standard output is for the result.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for number in STOPS:
        signal.signal(number, _interrupt)
    try:
        settings = read_settings(env, Settings.read)
        return _discard(settings, reporter) if given.discard else _rebuild(settings, reporter)
    except SettingsError as why:
        reporter.result("error", f"The settings are not valid:\n{why}")
        return MISCONFIGURED
    except KeyboardInterrupt:
        reporter.result("stopped", f"Stopped. {GO_ON}")
        return STOPPED
    except Stop as why:
        reporter.result("error", why.message)
        return FAILED
    except CatalogUnavailableError as why:
        reporter.result("error", f"PostgreSQL: {why}. {GO_ON}")
    except KafkaUnavailableError as why:
        reporter.result("error", f"Kafka: {why}. {GO_ON}")
    return AWAY


def _interrupt(_number: int, _frame: object) -> None:
    """Interrupt any call, also one that PostgreSQL works on for long. What follows is the end, and
    a second signal, such as a terminal's beside a parent's, does not disturb it."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _discard(settings: Settings, reporter: Reporter) -> int:
    with closing(Generation(settings.database)) as generation:
        _lock(generation)
        removed = generation.discard()
    reporter.result(
        "done", "The new tables were removed." if removed else "There was nothing to remove."
    )
    return DONE


def _rebuild(settings: Settings, reporter: Reporter) -> int:
    kafka = settings.kafka
    gc.disable()  # rows and events hold no cycles, and there are millions of them
    with (
        closing(Generation(settings.database)) as generation,
        closing(LogReader(kafka, client_id=CLIENT_ID, in_bulk=True)) as reader,
    ):
        _lock(generation)
        rebuild = Rebuild(
            generation=generation,
            reader=reader,
            topic_ids=Topics(kafka).ids,
            dead_letter=lambda raw, why: asyncio.run(_dead_letter(kafka, raw, why)),
            publish=lambda events: asyncio.run(_publish(kafka, events)),
            tell=reporter.progress,
        )
        rebuild.run()
    reporter.result("done", "The new tables are in use.", rebuild.records)
    return DONE


def _lock(generation: Generation) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while not generation.take_lock():
        if time.monotonic() > until:
            raise Stop("rebuild_running", "Another rebuild of this database is running.")
        time.sleep(0.2)


async def _publish(kafka: KafkaSettings, events: Sequence[Message]) -> None:
    async with Publisher(kafka, source="indexer") as publisher:
        await publisher.publish(events)


async def _dead_letter(kafka: KafkaSettings, raw: Raw, why: str) -> None:
    async with Publisher(kafka, source="indexer") as publisher:
        await publish_dead_letter(publisher, raw, why, service="indexer")


if __name__ == "__main__":
    end(while_read(lambda: main(sys.argv[1:], os.environ)))

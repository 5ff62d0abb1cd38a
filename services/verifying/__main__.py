"""`python -m services.verifying`: compare the bucket with the rows, and report each difference.

    --deep         read every object, and compare its bytes with the recorded checksums
    --import ID    only what this import stored
    --after KEY    go on after this key
    --json         findings, progress and result as objects, one a line

Exit codes: 0 all is well, 1 something is not, 2 wrong settings, 3 a server is away, 130 stopped.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from services.adapters.catalog.pointers import PointerReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.process import end, while_read
from services.adapters.store.listing import BucketReader
from services.adapters.store.settings import StoreSettings
from services.core.settings import SettingsGroup, read_settings
from services.verifying.report import DONE, FAILED, Reporter, plain, run
from services.verifying.verification import (
    KINDS,
    READERS,
    Finding,
    Options,
    Progress,
    Verification,
)

SHOWN = 20
"""Findings of one kind that a person is shown; the rest is counted. --json has all."""


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    database: DatabaseSettings
    store: StoreSettings


def main(argv: list[str], env: Mapping[str, str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="services.verifying")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--import", dest="only_import", default="")
    parser.add_argument("--after", default="")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    reporter = Reporter(given.json)
    options = Options(deep=given.deep, only_import=given.only_import, after=given.after)
    return run(lambda: _verify(read_settings(env, Settings.read), options, reporter), reporter)


def _verify(settings: Settings, options: Options, reporter: Reporter) -> int:
    shown = _Shown(reporter, options)
    store = BucketReader(settings.store, READERS)
    with closing(PointerReader(settings.database, store.bucket)) as catalog:
        verification = Verification(store, catalog, options, shown.finding, shown.progress)
        if elsewhere := catalog.elsewhere():
            reporter.say(
                f"{elsewhere} images are in other buckets than {store.bucket}. Rows of imports do "
                "not say in which, so those may be reported as missing here."
            )
        progress = verification.run(datetime.now(UTC))
    return _told(progress, options, reporter)


class _Shown:
    """What is said while it runs."""

    def __init__(self, reporter: Reporter, options: Options) -> None:
        self._reporter, self._options = reporter, options
        self._counts = dict.fromkeys(KINDS, 0)
        self._go_on(options.after)

    def finding(self, found: Finding) -> None:
        self._counts[found.kind] += 1
        if not self._reporter.as_json and self._counts[found.kind] > SHOWN:
            if self._counts[found.kind] == SHOWN + 1:
                self._reporter.say(f"More {found.kind} objects are counted only; --json has all.")
            return
        line = f"{found.kind:9} {plain(found.key)}\n          {found.says} Cure: {found.cure}"
        self._reporter.found(line, msgspec.to_builtins(found))

    def progress(self, progress: Progress) -> None:
        self._go_on(progress.key)
        wrong = progress.found.total()
        words = f"{progress.done:,} objects compared, {wrong:,} with a finding"
        if self._options.deep:
            words += f", {progress.read / 1e6:,.0f} MB read"
        numbers = {"key": progress.key, "read_bytes": progress.read, "findings": wrong}
        self._reporter.progress(words, progress.done, progress.expected, **numbers)

    def _go_on(self, key: str) -> None:
        parts = ["drivestream", "verify", *(["--deep"] if self._options.deep else [])]
        if self._options.only_import:
            parts += ["--import", self._options.only_import]
        if key:
            parts += [f"--after={key}"]
        self._reporter.goes_on = f"To continue: {shlex.join(map(plain, parts))}"


def _told(progress: Progress, options: Options, reporter: Reporter) -> int:
    counts = {kind: progress.found[kind] for kind in KINDS}
    wrong = sum(counts.values())
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    how = "byte by byte" if options.deep else "by size"
    sentence = f"{progress.done:,} objects were compared {how}: {said or 'all is well'}."
    if progress.new:
        sentence += (
            f" {progress.new:,} objects without a row are younger than an hour, so they were not "
            "judged."
        )
    if options.after:
        sentence += " The objects before --after were not compared."
    reporter.result(
        "differs" if wrong else "done",
        sentence,
        compared=progress.done,
        **counts,
        not_judged=progress.new,
        thumbnails=progress.thumbnails,
        read_bytes=progress.read,
    )
    return FAILED if wrong else DONE


if __name__ == "__main__":
    end(while_read(lambda: main(sys.argv[1:], os.environ)))

"""`python -m services.verifying.prune`: remove objects that no row points to.

    (nothing)              make a plan: count, bytes, examples, and the plan's id
    --yes PLAN             delete exactly what that plan has
    --older-than HOURS     of a plan: only objects that are older (default: 24)
    --include-others       of a plan: also objects that no import of this database has stored
    --json                 progress and result as objects, one a line

Exit codes: 0 done, 1 refused or failed, 2 wrong settings, 3 a server is away, 130 stopped.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.adapters.catalog.pointers import PointerReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.process import end, while_read
from services.adapters.store.listing import BucketReader
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop
from services.core.settings import SettingsGroup, read_settings
from services.core.topics import FILES_FAILED, FILES_STORED, IMPORTS_LISTED, IMPORTS_REQUESTED
from services.verifying.comparing import patiently
from services.verifying.prune_plan import BadPlanError, plan_id_of, plan_of
from services.verifying.pruning import LOOKERS, Progress, Pruning
from services.verifying.report import DONE, FAILED, Reporter, plain, run

TOPICS = [t.name for t in (IMPORTS_REQUESTED, IMPORTS_LISTED, FILES_STORED, FILES_FAILED)]
"""What the indexer counts."""
HOURS = 24
FAILURES_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    database: DatabaseSettings
    store: StoreSettings
    kafka: KafkaSettings


def main(argv: list[str], env: Mapping[str, str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="services.verifying.prune")
    parser.add_argument("--yes", metavar="PLAN", default="")
    parser.add_argument("--older-than", type=int, default=HOURS)
    parser.add_argument("--include-others", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    reporter = Reporter(given.json)
    return run(lambda: _prune(read_settings(env, Settings.read), given, reporter), reporter)


def _prune(settings: Settings, given: argparse.Namespace, reporter: Reporter) -> int:
    store, offsets = BucketReader(settings.store, LOOKERS), LogOffsets(settings.kafka)
    with closing(PointerReader(settings.database, store.bucket)) as catalog:
        pruning = Pruning(
            store,
            catalog,
            lambda: {place: end for place, (_, end) in offsets.bounds(TOPICS).items()},
            lambda progress: _progress(progress, reporter, given.yes),
        )
        stays = patiently(store.keeps_deleted)
        if given.yes:
            return _execute(pruning, given.yes, stays, reporter)
        before = datetime.now(UTC) - timedelta(hours=given.older_than)
        return _plan(pruning, before, given.include_others, stays, reporter)


def _progress(progress: Progress, reporter: Reporter, executing: str) -> None:
    done, expected = progress.deleted + progress.kept, progress.selected
    words = f"{progress.seen:,} objects seen, {progress.selected:,} without a row"
    if executing:
        words += f", {progress.deleted:,} deleted"
    numbers = {"seen": progress.seen, "deleted": progress.deleted}
    reporter.progress(words, done, expected, **numbers)


def _plan(pruning: Pruning, before: datetime, others: bool, stays: str, reporter: Reporter) -> int:
    plan, examples = pruning.plan(before, others=others)
    progress, plan_id = pruning.progress, plan_id_of(plan)
    sentences = [
        f"No row points to {plan.objects:,} objects with {plan.bytes:,} bytes that were last "
        f"written before {before:%Y-%m-%d %H:%M} UTC."
    ]
    if progress.new:
        sentences.append(f"{progress.new:,} younger ones are left alone.")
    if progress.others:
        sentences.append(
            f"{progress.others:,} others are left alone, because no import or replay of this "
            "database has stored them. --include-others adds them."
        )
    if stays:
        sentences.append(stays)
    for key in examples:
        reporter.say(f"  {plain(key)}")
    if plan.objects:
        sentences.append("`drivestream prune --yes PLAN` deletes them.")
        if not reporter.as_json:
            reporter.found(plan_id, {})
    reporter.result(
        "planned",
        " ".join(sentences),
        plan_id=plan_id,
        objects=plan.objects,
        bytes=plan.bytes,
        examples=list(examples),
        before=before.isoformat(),
        others=progress.others,
        younger=progress.new,
        bytes_stay=stays,
    )
    return DONE


def _execute(pruning: Pruning, plan_id: str, stays: str, reporter: Reporter) -> int:
    try:
        plan = plan_of(plan_id)
    except BadPlanError as why:
        raise Stop("bad_plan", f"That is not a plan: {why}.") from None
    reporter.goes_on = "To continue, make a new plan: drivestream prune"
    try:
        pruning.execute(plan)
    except BaseException:
        if pruning.progress.deleted or pruning.progress.failed:
            _say_deleted(pruning.progress, reporter, stays, state="incomplete")
        raise
    bad = bool(pruning.progress.failed or pruning.progress.lost)
    _say_deleted(pruning.progress, reporter, stays, state="differs" if bad else "done")
    return FAILED if bad else DONE


def _say_deleted(progress: Progress, reporter: Reporter, stays: str, state: str) -> None:
    """Also of a prune that is stopped in the middle."""
    for number, (key, why_not) in enumerate(sorted(progress.failed.items())):
        if reporter.as_json or number < FAILURES_SHOWN:
            told = {"kind": "not_deleted", "key": key, "says": why_not}
            reporter.found(f"not deleted: {plain(key)}: {why_not}", told)
    for key in progress.lost:
        told = {"kind": "lost", "key": key, "says": "A row has pointed to it since."}
        reporter.found(f"needed after all: {plain(key)}: see `drivestream verify`", told)
    sentence = f"{progress.deleted:,} objects with {progress.deleted_bytes:,} bytes were deleted."
    if progress.kept:
        sentence += f" {progress.kept:,} were kept, because they are gone or needed by now."
    if progress.failed:
        sentence += f" {len(progress.failed):,} could not be deleted."
    reporter.result(
        state,
        f"{sentence} {stays}".strip(),
        deleted=progress.deleted,
        bytes=progress.deleted_bytes,
        kept=progress.kept,
        failed=len(progress.failed),
        lost=len(progress.lost),
        bytes_stay=stays,
    )


if __name__ == "__main__":
    end(while_read(lambda: main(sys.argv[1:], os.environ)))

"""`POST /replays/plan`: what a replay would do, counted exactly. Nothing is published.

The counts and the ends of `files.stored` and `files.failed` are of one moment of the database: the
rows are a fold of these topics up to the offsets that are stored beside them. The indexer does not
read `files.found`, so the end of that topic is asked of Kafka, after the counting. That is right
since the lister publishes a file before the manifest that opens its row: whatever was counted lies
before the end. A file that was found meanwhile may lie before the end too and not be counted.
`unread` says how many manifests the indexer had not read; without any, and while nothing is being
listed, the replay selects exactly what the plan counts.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.views.replays import Sample, SelectionCounts
from services.adapters.kafka.bounds import LogBounds, LogBoundsReader, Place
from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.bodies import parsed
from services.api.import_cache import ImportCache
from services.api.plan_id import ReplayPlan, Stretch, plan_id_of
from services.api.problems import Problem
from services.api.replay_letters import count_letters
from services.core.events import (
    REPLAY,
    FileOutcome,
    LogEnd,
    Mode,
    ReplayScope,
    Selection,
    Target,
)
from services.core.flow.quota import QuotaSettings
from services.core.topics import (
    DEAD_LETTERS,
    FILES_FAILED,
    FILES_FOUND,
    FILES_STORED,
    IMPORTS_LISTED,
)

DOWNLOAD_UNITS = 200
"""What Google counts for a download; one query in older projects."""
FILES = (FILES_FOUND.name, FILES_STORED.name, FILES_FAILED.name)
INDEXED = (FILES_STORED.name, FILES_FAILED.name)
LETTERS_SECONDS = 60
COPIED: Mapping[ReplayScope, tuple[FileOutcome, ...]] = {
    ReplayScope.FAILED: ("failed",),
    ReplayScope.ALL: ("failed", "stored", "unchanged"),
}
"""Which outcomes a replay to one consumer copies, by its mode."""


class Selected(Selection, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A misspelt filter must not widen the selection."""


class PlanRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    select: Selected
    mode: ReplayScope
    transfer: Literal["check", "force"] = "check"
    target: Target | None = None


class PlanReport(Struct, frozen=True, kw_only=True):
    """What a replay would do. Sizes are bytes, `seconds` is the time that Drive's quota takes, null
    without a quota. `no_op` files change nothing, since their objects are there.

    `left_out` counts imports that are paused or cancelled, `unreadable` files whose own event
    cannot be read; neither is part of any other count. `by_import` names the 1,000 largest of
    `imports`. From `earliest` on the log is whole. `unread` manifests were not indexed yet.
    With a `target`, outcomes are copied to that consumer's topic, and nothing is worked on.
    Of dead letters, `by_outcome` counts the topics that they are of; only found files among them
    cost quota.
    """

    plan_id: str
    mode: ReplayScope
    transfer: Mode
    target: str | None
    select: Selection
    files: int
    bytes: int
    quota_units: int
    seconds: float | None
    no_op: int
    by_outcome: Mapping[str, int]
    by_reason: Mapping[str, int]
    by_import: Mapping[str, int]
    imports: int
    left_out: int
    unreadable: int
    samples: Sequence[Sample]
    ends: Sequence[LogEnd]
    earliest: datetime | None
    unread: int
    made_at: datetime


@dataclass(frozen=True, kw_only=True)
class ReplayPlanner:
    """Reads the database and the log."""

    catalog: ReadsCatalog
    requested: ImportCache
    log: LogBoundsReader
    quota: QuotaSettings

    async def plan(self, body: bytes) -> PlanReport:
        """Raises `Problem`, and what the catalog raises."""
        asked = parsed(body, PlanRequest)
        check_selection(asked.select)
        select = Selection(**{name: _sorted(it) for name, it in asdict(asked.select).items()})
        if asked.target is not None:
            select = _of_outcomes(select, asked)
        topics = topics_of(select)
        await self._check_imports(select)
        if select.dead_letters:
            kept = await self.bounds(topics, dated=topics)
            counts = await self._letters(select, kept)
        else:
            counts = await self.catalog.count_selection(
                select, asked.mode, even_halted=asked.target is not None
            )
            kept = await self.bounds(topics, dated=topics)
        if counts.unknown_reasons:
            raise _refused(
                "no_such_reason", "No file has failed with the reason", counts.unknown_reasons
            )
        modes = {ReplayScope.ALL: Mode(asked.transfer), ReplayScope.VERIFY: Mode.VERIFY}
        plan = ReplayPlan(
            select=select,
            scope=asked.mode,
            transfer=modes.get(asked.mode, Mode.CHECK),
            target=asked.target,
            files=counts.files,
            bytes=counts.bytes,
            made_at=datetime.now(UTC),
            topic_ids={topic: kept.ids[topic] for topic in topics},
            stretches=tuple(_stretches(topics, counts, kept)),
        )
        return self._report(plan, counts, kept)

    async def bounds(self, topics: Sequence[str], dated: Sequence[str] = ()) -> LogBounds:
        """What the log holds now; raises a `kafka_unavailable` problem."""
        async with _kafka():
            # The manifests come last: what is found after them is in none of these.
            return await self.log.read((*topics, IMPORTS_LISTED.name), dated)

    async def _check_imports(self, select: Selection) -> None:
        replays = [id for id in select.imports if id.startswith(REPLAY)]
        imports = [id for id in select.imports if id not in replays]
        known = {*await self.catalog.imports_by_id(imports)} if imports else set()
        known |= {*await self.catalog.replays_by_id(replays)} if replays else set()
        known |= {id for id in imports if self.requested.request(id)}
        known |= {id for id in replays if self.requested.replays.request(id)}
        if unknown := [id for id in select.imports if id not in known]:
            raise _refused("no_such_import", "There is no import or replay with the id", unknown)

    async def _letters(self, select: Selection, kept: LogBounds) -> SelectionCounts:
        ends = [
            LogEnd(topic=topic, partition=partition, offset=high)
            for (topic, partition), (_, high) in kept.kept.items()
            if topic == DEAD_LETTERS.name
        ]
        async with _kafka(), asyncio.timeout(LETTERS_SECONDS), self.log.open_log() as log_reader:
            return await count_letters(log_reader, ends, select)

    def _report(self, plan: ReplayPlan, counts: SelectionCounts, kept: LogBounds) -> PlanReport:
        there = sum(counts.by_outcome.get(state, 0) for state in ("stored", "unchanged"))
        is_copy = plan.target is not None
        no_op = there if plan.transfer is Mode.CHECK and not is_copy else 0
        downloads = 0 if is_copy or plan.transfer is Mode.VERIFY else plan.files - no_op
        if plan.select.dead_letters:
            downloads = counts.by_outcome.get(FILES_FOUND.name, 0)
        units = downloads * (1 if self.quota.counts_requests else DOWNLOAD_UNITS)
        a_second = self.quota.per_minute * self.quota.shares.get("transfer", 0) / 60
        return PlanReport(
            plan_id=plan_id_of(plan),
            mode=plan.scope,
            transfer=plan.transfer,
            target=plan.target,
            select=plan.select,
            files=plan.files,
            bytes=plan.bytes,
            quota_units=units,
            seconds=round(units / a_second, 1) if a_second else None,
            no_op=no_op,
            by_outcome=counts.by_outcome,
            by_reason=counts.by_reason,
            by_import=counts.by_import,
            imports=counts.imports,
            left_out=counts.left_out,
            unreadable=counts.unreadable,
            samples=counts.samples,
            ends=plan.ends,
            earliest=kept.earliest,
            unread=0 if plan.select.dead_letters else _unread(counts.consumed, kept.kept),
            made_at=plan.made_at,
        )


@asynccontextmanager
async def _kafka() -> AsyncIterator[None]:
    try:
        yield
    except (KafkaUnavailableError, TimeoutError) as why:
        raise Problem(
            "kafka_unavailable",
            f"Kafka is not responding ({why}), so the log cannot be checked. No replay was "
            "started.",
            {"Retry-After": "5"},
        ) from why


def topics_of(select: Selection) -> Sequence[str]:
    """The topics that a replay of this selection reads."""
    return (DEAD_LETTERS.name,) if select.dead_letters else FILES


def check_selection(select: Selection) -> None:
    """Raise a `Problem` for a selection that names no filter, or no time."""
    if asdict(select) == asdict(Selection()):
        raise Problem(
            "no_filter",
            "`select` needs at least one filter: imports, folders, files, outcomes, reasons, "
            "since, until or dead_letters. Without one, it would select everything.",
        )
    if select.since and select.until and select.since >= select.until:
        both = (select.since, select.until)
        since, until = (f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in both)
        detail = f"`since` ({since}) must be before `until` ({until})."
        raise Problem("empty_time_range", detail)
    if select.dead_letters and (select.folders or select.files or select.outcomes):
        raise Problem(
            "filters_conflict",
            "Dead letters have no folders, files or outcomes. Select them with imports, reasons, "
            "since or until.",
        )


def _of_outcomes(select: Selection, asked: PlanRequest) -> Selection:
    """What a replay to one consumer selects: files that have an outcome. Raises a `Problem` for
    what only makes sense where files are worked on."""
    outcomes = COPIED.get(asked.mode, ())
    known = set(select.outcomes) <= set(outcomes)
    if not outcomes or not known or asked.transfer != "check" or select.dead_letters:
        raise Problem(
            "filters_conflict",
            "A replay with a target copies the outcomes of files. Set mode to failed or all, and "
            "leave out transfer, dead_letters and the outcome none.",
        )
    return replace(select, outcomes=select.outcomes or outcomes)


def _sorted(value: Any) -> Any:
    """The same selection has the same plan, in whichever order its ids were given."""
    return tuple(sorted(set(value))) if isinstance(value, tuple) else value


def _refused(code: str, sentence: str, ids: Sequence[str]) -> Problem:
    shown = ", ".join(f"`{id[:80]}`" for id in ids[:5])
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return Problem(code, f"{sentence} {shown}{more}.")


def _stretches(topics: Sequence[str], counts: SelectionCounts, log: LogBounds) -> list[Stretch]:
    """What the replay will read. Raises `Problem` if the database is of another log."""
    found = []
    for (topic, partition), (low, high) in sorted(log.kept.items()):
        if topic not in topics:
            continue
        end = high
        if topic in INDEXED:
            topic_id, end = counts.consumed.get((topic, partition), (log.ids[topic], low))
            if topic_id != log.ids[topic] or end > high:
                raise Problem(
                    "log_changed",
                    f"The database was built from a different {topic} topic than Kafka has now. "
                    "Build the index again before you replay anything.",
                )
        found.append(Stretch(topic, partition, min(low, end), end))
    return found


def _unread(
    consumed: Mapping[Place, tuple[str, int]], kept: Mapping[Place, tuple[int, int]]
) -> int:
    return sum(
        max(0, high - consumed.get(place, ("", low))[1])
        for place, (low, high) in kept.items()
        if place[0] == IMPORTS_LISTED.name
    )

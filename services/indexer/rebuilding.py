"""All rows again, from the log: a new generation of tables is filled, indexed, and swapped in.

Outcomes lie in partitions by the file's id, and manifests do not. So the manifests are read once,
and the rows of their files are put aside by the partition of their outcomes. Then each part is
folded in memory and added: no file of it is in the tables yet, so nothing is looked up. It is the
same fold as the indexer's, and a part is one transaction, which is also the step of a resumption.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from zlib import crc32

import msgspec

from services.adapters.catalog.generation import (
    FILE_FIELDS,
    DuplicateRowsError,
    Generation,
    Plan,
)
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import VERSION, Position
from services.adapters.kafka.ranges import read_up_to
from services.adapters.kafka.reader import Raw, ReadsLog
from services.core.errors import Stop
from services.core.events import LogEnd, Message
from services.core.murmur2 import partition_of
from services.core.topics import FILES_FAILED, FILES_FOUND, FILES_STORED
from services.indexer import reading, service
from services.indexer.endings import endings
from services.indexer.fold import add, fold, rows_of
from services.indexer.folding import folded, moves_of
from services.indexer.record import LogRecord

FILES = (FILES_STORED.name, FILES_FAILED.name)
RECORDS_A_PART = 100_000
"""Whose rows are in memory at once, twice: some 250 MB each."""
SWAP_SECONDS = 1.0
SHARES = {"listings": 0.15, "outcomes": 0.65, "images": 0.08, "indexes": 0.12}
"""About what part of the time each step takes."""
SUMMED_IN = {"imports": "import_id", "replays": "replay_id"}
"""Fields of `Rows` whose rows hold sums over rows of files, and by which column."""
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Rows).decode


class Progress(NamedTuple):
    """How far a rebuild is: what it does now, and the part of all that is done, 0 to 1."""

    step: str
    share: float
    records: int = 0


@dataclass(kw_only=True)
class Rebuild:
    """`dead_letter` is given what cannot be decoded and what the indexer has not met yet, and
    `publish` the ends that it has not met yet."""

    generation: Generation
    reader: ReadsLog
    topic_ids: Callable[[Sequence[str]], Mapping[str, str]]
    dead_letter: Callable[[Raw, str], None]
    publish: Callable[[Sequence[Message]], None]
    tell: Callable[[Progress], None]
    records: int = 0
    indexed: Mapping[Position, tuple[str, int]] = field(default_factory=dict)

    def run(self) -> None:
        """Begin, or go on where another run was stopped, until the new tables are in place."""
        if self.generation.swapped():
            self.generation.discard()
            return
        self.indexed = self.generation.live_offsets()
        plan = self._plan()
        try:
            self._fill(plan)
        except DuplicateRowsError:
            self.generation.discard()
            self._fill(self._begin(spread=False))
        self._catch_up_and_swap()
        self.tell(Progress("removing the old tables", 1.0, self.records))
        self.generation.discard()

    def _plan(self) -> Plan:
        """The plan of a run before this one, as long as it still holds."""
        ids, _ = self._log()
        plan = self.generation.plan()
        if plan is not None and (plan.version, plan.topic_ids) == (VERSION, dict(ids)):
            return plan
        self.generation.discard()
        return self._begin()

    def _begin(self, spread: bool = True) -> Plan:
        ids, logs = self._log()
        for (topic, partition), (low, _) in logs.items():
            if low:
                raise Stop(
                    "log_incomplete",
                    f"Kafka has deleted the first {low:,} records of {topic}/{partition}, so a "
                    "rebuild would lose their rows. The tables were not changed.",
                )
        counts = {len(self.reader.partitions(topic)) for topic in (*FILES, FILES_FOUND.name)}
        partitions = counts.pop() if spread and len(counts) == 1 else 1
        slices = -(-self._most_files(logs, partitions) // RECORDS_A_PART) if spread else 1
        ends = tuple(LogEnd(topic=t, partition=p, offset=e) for (t, p), (_, e) in logs.items())
        plan = Plan(
            version=VERSION,
            topic_ids=dict(ids),
            ends=ends,
            partitions=partitions,
            slices=slices or 1,
        )
        # What is loaded by parts is past at once: nobody reads these offsets before all are there.
        starts = {p: (ids[p[0]], end if p[0] in FILES else 0) for p, (_, end) in logs.items()}
        self.generation.begin(plan, starts)
        return plan

    def _most_files(self, logs: Mapping[Position, tuple[int, int]], partitions: int) -> int:
        """No more than the files of any part, if each partition were one part."""
        counts: defaultdict[int, int] = defaultdict(int)
        found: defaultdict[int, int] = defaultdict(int)
        for (topic, number), (_, end) in logs.items():
            if topic in FILES:
                counts[number % partitions] += end
        for number in self.reader.partitions(FILES_FOUND.name):
            found[number % partitions] += self.reader.ends(FILES_FOUND.name, number)[1]
        return max(*counts.values(), *found.values())

    # --- filling ---

    def _fill(self, plan: Plan) -> None:
        self._read_listings(plan)
        self._load(plan)
        self._tell("images", 0)
        self.generation.order_images()
        missing = self.generation.missing_indexes()
        for number, (_, statement) in enumerate(missing):
            self._tell("indexes", number / len(missing))
            self.generation.make_index(statement)
        self.generation.analyze()

    def _read_listings(self, plan: Plan) -> None:
        """What is asked and what is listed, but for the rows of files, which are put aside."""
        ends = {(e.topic, e.partition): e.offset for e in plan.ends if e.topic not in FILES}
        known = self.generation.offsets()
        positions = {position: known[position][1] for position in ends}
        total = sum(ends.values())
        bounds = {position: (positions[position], end) for position, end in ends.items()}
        for records in read_up_to(self.reader, bounds):
            for batch in reading.batches(records, reading.ROWS_A_BATCH):
                rows, aside = split(rows_of(self._decoded(batch)), plan)
                before = self.generation.load(rows)
                moves = moves_of(positions, batch)
                packed = {part: _encode(each) for part, each in aside.items()}
                self.generation.save_listed(before, fold(before, rows), moves, packed)
                self._tell("listings", sum(positions.values()) / total)

    def _load(self, plan: Plan) -> None:
        """Read and fold one part while PostgreSQL writes the one before it."""
        parts = self.generation.parts_left()
        aside = self.generation.put_aside(parts[0]) if parts else []
        saving: Future[None] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="save-part") as writer:
            for number, part in enumerate(parts):
                self._tell("outcomes", part / (plan.partitions * plan.slices))
                rows = self._rows_of_part(plan, part, aside)
                if saving is not None:
                    saving.result()  # the connection is used by one thread at a time
                before = self.generation.load(_without_files(rows))
                after = fold(before, rows)
                following = parts[number + 1 : number + 2]
                aside = self.generation.put_aside(following[0]) if following else []
                saving = writer.submit(self.generation.save_part, part, before, after)
            if saving is not None:
                saving.result()

    def _rows_of_part(self, plan: Plan, part: int, aside: Sequence[bytes]) -> Rows:
        partition, number = divmod(part, plan.slices)
        bounds = {
            (end.topic, end.partition): (0, end.offset)
            for end in plan.ends
            if end.topic in FILES and end.partition % plan.partitions == partition
        }
        outcomes = read_up_to(self.reader, bounds)  # Kafka sends while we unpack
        rows = Rows()
        for packed in aside:
            add(rows, _decode(packed))
        for records in outcomes:
            if plan.slices > 1:
                records = [r for r in records if crc32(r.key or b"") % plan.slices == number]
            rows_of(self._decoded(records), rows)
        return rows

    def _decoded(self, raws: Sequence[Raw]) -> Iterable[LogRecord]:
        records, undecodable = reading.decoded(raws)
        for raw, reason in undecodable:
            _, passed = self.indexed.get((raw.topic, raw.partition), ("", 0))
            if raw.offset >= passed:
                self.dead_letter(raw, reason)
        self.records += len(raws)
        return records

    def _tell(self, step: str, share: float) -> None:
        steps = list(SHARES)
        before = sum(SHARES[name] for name in steps[: steps.index(step)])
        self.tell(Progress(step, before + SHARES[step] * share, self.records))

    # --- swapping ---

    def _catch_up_and_swap(self) -> None:
        while True:
            self.tell(Progress("catching up", 1.0, self.records))
            self._catch_up()
            # Once more while the indexer waits: it would always be ahead as long as events come.
            if self.generation.swap(self._catch_up_and_tell):
                return
            time.sleep(SWAP_SECONDS)

    def _catch_up_and_tell(self) -> None:
        """The indexer goes on behind what it has read here, so nobody else would tell its ends. If
        it has read nothing yet, all of this is history."""
        self._catch_up()
        ends = endings(Rows(), self.generation.ended_since(), datetime.now(UTC))
        if ends and self.indexed:
            self.publish(ends)

    def _catch_up(self) -> None:
        """Index what the log holds now and the new tables do not, as the indexer does."""
        # Kafka answers nothing else on a connection that waits for new records.
        self.reader.seek({})
        self.indexed = self.generation.live_offsets()
        ids, logs = self._log()
        self.generation.begin_offsets({p: (ids[p[0]], low) for p, (low, _) in logs.items()})
        known = self.generation.offsets()
        service.refuse_other_log(known, ids, logs)
        positions = {place: known[place][1] for place in logs}
        bounds = {place: (positions[place], end) for place, (_, end) in logs.items()}
        for records in read_up_to(self.reader, bounds):
            for batch in reading.batches(records, reading.ROWS_A_BATCH):
                rows = rows_of(self._decoded(batch))
                before, after = folded(self.generation, rows)
                self.generation.save(before, after, moves_of(positions, batch))

    def _log(self) -> tuple[Mapping[str, str], Mapping[Position, tuple[int, int]]]:
        """The ids of the topics, and the bounds of their partitions. Raises `Stop` if the tables in
        use were made from another log, or from more of it than there is."""
        ids = self.topic_ids([topic.name for topic in service.CONSUMED])
        logs = service.log_bounds(self.reader)
        service.refuse_other_log(self.indexed, ids, logs)
        return ids, logs


def split(rows: Rows, plan: Plan) -> tuple[Rows, Mapping[int, Rows]]:
    """Rows without those of files; and these by part, with the rows that their sums go to."""
    aside: defaultdict[int, Rows] = defaultdict(Rows)
    for name in FILE_FIELDS:
        for key, row in getattr(rows, name).items():
            file_id = key[-1] if isinstance(key, tuple) else key
            part = aside[part_of(file_id, plan)]
            getattr(part, name)[key] = row
            for sums, id in SUMMED_IN.items():
                if summing := getattr(rows, sums).get(getattr(row, id, None)):
                    getattr(part, sums)[getattr(row, id)] = summing
    return _without_files(rows), aside


def part_of(file_id: str, plan: Plan) -> int:
    """The part in which a file's outcomes are read."""
    key = file_id.encode()
    number = crc32(key) % plan.slices if plan.slices > 1 else 0
    return partition_of(key, plan.partitions) * plan.slices + number


def _without_files(rows: Rows) -> Rows:
    return msgspec.structs.replace(rows, **{name: {} for name in FILE_FIELDS})

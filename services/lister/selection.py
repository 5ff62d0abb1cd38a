"""What a part of a replay selects: one partition of the log, folded up to fixed ends.

Memory is bounded, whatever the log holds: if a partition has more files than fit, it is read
several times, and each time only files of some hashes are kept. Of each selected file, 8 bytes
remain: the offset of its `FileFound`.
"""

import sys
import sys
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from zlib import crc32

from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core import topics
from services.core.control import ImportControls
from services.core.outcomes import FileFacts
from services.core.replays import Candidate, may_select
from services.core.wire import UndecodableError, decode

MOST_FILES = 50_000
"""In memory at once, some 700 bytes each."""
OUTCOMES = (topics.FILES_STORED.name, topics.FILES_FAILED.name)
Key = tuple[str, str]


@dataclass(frozen=True)
class Selected:
    """Offsets in `files.found`, ascending; `done` are those of files that this replay has had an
    outcome of already."""

    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    done: frozenset[int] = frozenset()


@dataclass
class _Share:
    """The files whose hash leaves `number` when divided by `of`; an overflow halves the share, and
    the other half waits in `others`."""

    number: int
    of: int
    most: int
    candidates: dict[Key, Candidate] = field(default_factory=dict)
    others: list[tuple[int, int]] = field(default_factory=list)

    def holds(self, file_id: bytes) -> bool:
        return crc32(file_id) % self.of == self.number

    def candidate(self, key: Key) -> Candidate:
        candidate = self.candidates.get(key)
        if candidate is None:
            candidate = self.candidates[key] = Candidate(FileFacts())
            while len(self.candidates) > self.most and self.of < 2**16:
                self.others.append((self.number + self.of, self.of * 2))
                self.of *= 2
                kept = self.candidates.items()
                self.candidates = {k: c for k, c in kept if self.holds(k[1].encode())}
        return candidate

    def retry(self, asked: e.RetryRequested) -> None:
        for id in asked.files:
            if candidate := self.candidates.get((asked.import_id, id)):
                candidate.retry_round = max(candidate.retry_round, asked.round)

    def finish(self, key: Key) -> None:
        if candidate := self.candidates.get(key):
            candidate.done = True


class PartSelection:
    """Selects for one part. Raises `KafkaUnavailableError`."""

    def __init__(
        self,
        log_reader: RangeReader,
        part: e.LogPartRequested,
        replay: e.ReplayRequested,
        most_files: int = MOST_FILES,
    ) -> None:
        self._log = log_reader
        self._part = part
        self._replay = replay
        self._most_files = most_files

    async def selected(self) -> Selected:
        self._controls = ImportControls()
        async for event in self._asked():
            self._controls.apply(event)
        offsets, done = array("Q"), set[int]()
        shares = [(0, 1)]
        while shares:
            share = _Share(*shares.pop(), self._most_files)
            await self._fold(share)
            for candidate in share.candidates.values():
                if candidate.facts.found is not None and candidate.selected(self._replay):
                    offset = candidate.facts.found[2]
                    offsets.append(offset)
                    if candidate.done:
                        done.add(offset)
            shares += share.others
        most = self._replay.most
        return Selected(array("Q", sorted(offsets)[:most]), frozenset(done))

    async def _fold(self, share: _Share) -> None:
        ends = [end for end in self._part.ends if end.topic != topics.IMPORTS_REQUESTED.name]
        async for records in self._log.records(ends):
            for event, offset in self._events(records, share):
                key = sys.intern(event.import_id), event.key
                share.candidate(key).take(event, offset)
        async for asked in self._asked():
            if isinstance(asked, e.RetryRequested):
                share.retry(asked)
        async for records in self._outcomes_since(ends):
            for event, _ in self._events(records, share):
                if _is_of(event, self._replay):
                    share.finish((event.import_id, event.key))

    def _events(
        self, records: Sequence[Raw], share: _Share
    ) -> Iterable[tuple[e.FileFound | e.Outcome, int]]:
        for record in records:
            import_id = record.headers.get("ce_importid", b"").decode(errors="replace")
            if not share.holds(record.key or b"") or not self._may_select(import_id, record):
                continue
            with suppress(UndecodableError):  # a dead letter; whoever consumed it made it one
                event = decode(record.topic, record.value)
                if isinstance(event, e.FileFound | e.FileStored | e.FileFailed):
                    yield event, record.offset

    def _may_select(self, import_id: str, record: Raw) -> bool:
        file_id = (record.key or b"").decode(errors="replace")
        return may_select(self._replay.select, self._controls, import_id, file_id)

    async def _outcomes_since(self, ends: Sequence[e.LogEnd]) -> AsyncIterator[Sequence[Raw]]:
        begin = [end for end in ends if end.topic in OUTCOMES]
        now = [
            end
            for topic in OUTCOMES
            for end in await self._log.ends(topic)
            if end.partition == self._part.partition
        ]
        async for records in self._log.records(now, begin=begin):
            yield records

    async def _asked(self) -> AsyncIterator[e.Message]:
        """What was asked of imports before this replay began, or before its ends."""
        topic = topics.IMPORTS_REQUESTED.name
        ends = [end for end in self._part.ends if end.topic == topic]
        async for records in self._log.records(ends or await self._log.ends(topic)):
            for record in records:
                with suppress(UndecodableError):
                    event = decode(record.topic, record.value)
                    if _is(event, self._replay):
                        return
                    yield event


def _is(event: e.Message, replay: e.ReplayRequested) -> bool:
    return isinstance(event, e.ReplayRequested) and event.import_id == replay.import_id


def _is_of(event: e.FileFound | e.Outcome, replay: e.ReplayRequested) -> bool:
    found = event if isinstance(event, e.FileFound) else event.file
    return found is not None and found.replay_id == replay.import_id

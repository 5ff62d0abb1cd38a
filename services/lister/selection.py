"""What a part of a replay selects: one partition of the log, folded up to fixed ends.

Memory is bounded, whatever the log holds: if a partition has more files than fit, it is read
several times, and each time only files of some hashes are kept. Of each selected file, 8 bytes
remain: the offset of what is published again.
"""

import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from zlib import crc32

from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core import topics
from services.core.control import ControlState, ImportControls
from services.core.outcomes import FileFacts
from services.core.replays import Candidate
from services.core.wire import UndecodableError, decode

MOST_FILES = 50_000
"""In memory at once, some 700 bytes each."""
OUTCOMES = (topics.FILES_STORED.name, topics.FILES_FAILED.name)
Key = tuple[str, str]


@dataclass(frozen=True)
class Selected:
    """Offsets by topic, ascending; `done` are those of files that this replay has had an outcome of
    already."""

    offsets: "Mapping[str, array[int]]" = field(default_factory=dict)
    done: frozenset[int] = frozenset()

    @property
    def found(self) -> "array[int]":
        return self.offsets.get(topics.FILES_FOUND.name, array("Q"))

    def holds(self, record: Raw) -> bool:
        offsets = self.offsets.get(record.topic, array("Q"))
        place = bisect_left(offsets, record.offset)
        return place < len(offsets) and offsets[place] == record.offset


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
        selected = replay.select.imports
        self._replays = frozenset(id for id in selected if id.startswith(e.REPLAY))
        self._imports = frozenset(selected) - self._replays
        self._controls = ImportControls()

    async def selected(self) -> Selected:
        if self._replay.target is None:
            await self._read_controls()
        offsets, done = defaultdict[str, "array[int]"](lambda: array("Q")), set[int]()
        shares = [(0, 1)]
        while shares:
            share = _Share(*shares.pop(), self._most_files)
            await self._fold(share)
            for candidate in share.candidates.values():
                if candidate.facts.found is not None and candidate.selected(self._replay):
                    topic, offset = candidate.place(self._replay)
                    offsets[topic].append(offset)
                    if candidate.done:
                        done.add(offset)
            shares += share.others
        most = self._replay.most
        return Selected(
            {topic: array("Q", sorted(own)[:most]) for topic, own in offsets.items()},
            frozenset(done),
        )

    async def _fold(self, share: _Share) -> None:
        replayed = await self._replayed(share) if self._replays else None
        async for records in self._log.records(self._part.ends):
            for event, offset in self._events(records, share):
                key = sys.intern(event.import_id), event.key
                if replayed is None or key[0] in self._imports or key in replayed:
                    share.candidate(key).take(event, offset)
        async for records in self._outcomes_since():
            for event, _ in self._events(records, share):
                if _is_of(event, self._replay):
                    share.finish((event.import_id, event.key))

    def _events(
        self, records: Sequence[Raw], share: _Share
    ) -> Iterator[tuple[e.FileFound | e.Outcome, int]]:
        """Of files that may be selected, as far as their ids tell."""
        files = self._replay.select.files
        for record in records:
            import_id = record.headers.get("ce_importid", b"").decode(errors="replace")
            file_id = (record.key or b"").decode(errors="replace")
            if (
                share.holds(record.key or b"")
                and (not files or file_id in files)
                and (self._replays or not self._imports or import_id in self._imports)
                and self._controls.of(import_id).state is ControlState.RUNNING
            ):
                with suppress(UndecodableError):  # whoever consumed it made it a dead letter
                    event = decode(record.topic, record.value)
                    if isinstance(event, e.FileFound | e.FileStored | e.FileFailed):
                        yield event, record.offset

    async def _replayed(self, share: _Share) -> set[Key]:
        """The files that earlier replays, which are selected like imports, told of."""
        keys = set[Key]()
        async for records in self._log.records(await self._log.ends(topics.IMPORTS_LISTED.name)):
            for record in records:
                if record.headers.get("ce_importid", b"").decode() in self._replays:
                    event = decode(record.topic, record.value)
                    if isinstance(event, e.LogPartReplayed) and self._is_here(event):
                        files = (*event.files, *event.cancelled)
                        own = [file for file in files if share.holds(file.file_id.encode())]
                        keys |= {(file.import_id, file.file_id) for file in own}
        return keys

    def _is_here(self, event: e.LogPartReplayed) -> bool:
        return event.partition == self._part.partition

    async def _outcomes_since(self) -> AsyncIterator[Sequence[Raw]]:
        """The outcomes of this partition that lie after the ends."""
        begin = [end for end in self._part.ends if end.topic in OUTCOMES]
        now = [await self._log.end(topic, self._part.partition) for topic in OUTCOMES]
        async for records in self._log.records(now, begin=begin):
            yield records

    async def _read_controls(self) -> None:
        """As they were when the replay was requested: imports that were paused or cancelled then
        are left out."""
        async for records in self._log.records(await self._log.ends(topics.IMPORTS_REQUESTED.name)):
            for record in records:
                with suppress(UndecodableError):
                    event = decode(record.topic, record.value)
                    if _is(event, self._replay):
                        return
                    self._controls.apply(event)


def _is(event: e.Message, replay: e.ReplayRequested) -> bool:
    return isinstance(event, e.ReplayRequested) and event.import_id == replay.import_id


def _is_of(event: e.FileFound | e.Outcome, replay: e.ReplayRequested) -> bool:
    found = event if isinstance(event, e.FileFound) else event.file
    return found is not None and found.replay_id == replay.import_id

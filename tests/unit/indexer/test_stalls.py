"""When an import counts as stalled, and what is tried on it, one thing after the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.adapters.catalog.rows import ImportRow, ReplayRow
from services.core import events as e
from services.core.topics import ALL, FILES_FOUND, FILES_STORED, IMPORTS_PAGES, IMPORTS_REQUESTED
from services.indexer.service import CONSUMED
from services.indexer.stalls import (
    GROUPS,
    INDEXER,
    Healing,
    LogProgress,
    Watch,
    Watched,
    Watches,
    next_healing,
    settled,
)
from services.lister.__main__ import SPEC as LISTER
from services.transfer.__main__ import SERVICE as TRANSFER
from tests.catalog_rows import BEGAN, an_import

ROW = an_import(1)
REPLAY = ReplayRow(id="replay-1", state="running", parts=12, parts_done=11)
READERS = {**{group: (topic,) for group, topic in GROUPS.items()}, INDEXER: CONSUMED}
OF_IMPORTS = [reader for reader in READERS if reader != "lister-replays"]
OF_REPLAYS = [reader for reader in READERS if reader != "lister"]
WAYS: list[tuple[Watched, str]] = [
    *((ROW, reader) for reader in OF_IMPORTS),
    *((REPLAY, reader) for reader in OF_REPLAYS),
]
MOST_SILENT_PAGES = 6


def progress(ends: Mapping[str, int] = {}, behind: Mapping[str, int] = {}) -> LogProgress:
    """Everything is read up to these ends (one partition a topic, 0 by default), but some readers
    are behind by so many records."""
    places = {(topic.name, 0): ends.get(topic.name, 0) for topic in ALL}
    reached = {
        reader: {(t.name, 0): places[t.name, 0] - behind.get(reader, 0) for t in topics}
        for reader, topics in READERS.items()
    }
    return LogProgress(reached, places)


def test_the_groups_are_those_of_lister_and_transfer() -> None:
    lister = {c.group: c.topic for c in LISTER.consumes}
    assert {TRANSFER: FILES_FOUND, **lister} == GROUPS


def test_an_import_is_suspected_once_it_did_not_change_for_long_enough() -> None:
    watches = Watches(after=30)
    assert watches.look([ROW], now=0) == []
    assert watches.look([ROW], now=29) == []
    assert [watch.row for watch in watches.look([ROW], now=30)] == [ROW]
    changed = replace(ROW, stored=3, pending=0)
    assert watches.look([changed], now=33) == []
    assert watches.look([changed], now=62) == []
    assert [watch.row for watch in watches.look([changed], now=63)] == [changed]


def test_an_import_that_was_not_open_meanwhile_is_watched_anew() -> None:
    watches = Watches(after=30)
    watches.look([ROW], now=0)
    watches.look([], now=10)
    assert watches.look([ROW], now=31) == []


def test_with_everything_read_an_import_stands_still() -> None:
    ends = {"files.found": 10, "imports.pages": 4, "files.stored": 9}
    assert Watch(ROW, since=0).is_passed(progress(ends))
    assert Watch(ROW, since=0).is_passed(progress())


@pytest.mark.parametrize(("row", "reader"), WAYS)
def test_while_a_message_is_in_hand_nothing_stands_still(row: Watched, reader: str) -> None:
    """As of a worker that waits for quota, or for an outage to end, or that is not running."""
    watch = Watch(row, since=0)
    ends = {topic.name: 10 for topic in ALL}
    for _ in range(100):
        assert not watch.is_passed(progress(ends, behind={reader: 1}))
    assert watch.is_passed(progress(ends))


@pytest.mark.parametrize(("row", "reader"), [(ROW, "lister-replays"), (REPLAY, "lister")])
def test_imports_and_parts_of_replays_do_not_wait_for_each_other(row: Watched, reader: str) -> None:
    ends = {topic.name: 10 for topic in ALL}
    assert Watch(row, since=0).is_passed(progress(ends, behind={reader: 1}))


def test_a_partition_that_nobody_has_read_is_not_passed() -> None:
    read = progress({"files.found": 1})
    unread = LogProgress({**read.reached, "transfer": {}}, read.ends)
    assert not Watch(ROW, since=0).is_passed(unread)


def test_workers_that_are_always_busy_with_others_do_not_hide_a_stall() -> None:
    watch = Watch(ROW, since=0)
    looks = 0
    while True:
        looks += 1
        ends = {topic.name: 100 * looks for topic in ALL}
        if watch.is_passed(progress(ends, behind=dict.fromkeys(READERS, 50))):
            break
    assert 1 < looks < 20


@dataclass
class Line:
    """Messages in one partition: whether each is the watched import's, and which are finished."""

    ours: list[int | None] = field(default_factory=list)
    done: set[int] = field(default_factory=set)

    def open(self) -> list[int]:
        return [at for at in range(len(self.ours)) if at not in self.done]

    def committed(self) -> int:
        return min(self.open(), default=len(self.ours))


class Traffic:
    """Messages of our import and of others on their way. Ours change no row: a page leads to
    another page or to files, and a file to nothing, as if its outcome were the same as before.

    A number is how many pages may still follow; None stands for the others' messages.
    """

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.lines = {reader: Line() for reader in OF_IMPORTS}
        self.lines["lister-requests"].ours.append(MOST_SILENT_PAGES)

    def step(self) -> None:
        """Somebody else's message comes, or a worker finishes any message that it has."""
        reader = self.rng.choice(list(self.lines))
        line = self.lines[reader]
        if self.rng.random() < 0.3:
            line.ours.append(None)
        elif open_ := line.open():
            at = self.rng.choice(open_)
            for to, number in self.following(reader, line.ours[at]):
                self.lines[to].ours.append(number)
            line.done.add(at)

    def following(self, reader: str, ours: int | None) -> Iterable[tuple[str, int | None]]:
        if ours is None or reader == INDEXER:
            return
        if reader == "lister-requests":
            yield "lister", ours
        elif reader == "lister" and ours and self.rng.random() < 0.8:
            yield "lister", ours - 1
        elif reader == "lister":
            yield "transfer", 0
        else:
            yield INDEXER, 0

    @property
    def ours_is_under_way(self) -> bool:
        return any(line.ours[at] is not None for line in self.lines.values() for at in line.open())

    def progress(self) -> LogProgress:
        topics = (IMPORTS_REQUESTED, IMPORTS_PAGES, FILES_FOUND, FILES_STORED)
        names = dict(zip(self.lines, [topic.name for topic in topics], strict=True))
        reached: dict[str, dict[tuple[str, int], int]] = {
            reader: {(names[reader], 0): line.committed()} for reader, line in self.lines.items()
        }
        reached[INDEXER][IMPORTS_REQUESTED.name, 0] = 10**9
        ends = {(names[reader], 0): len(line.ours) for reader, line in self.lines.items()}
        return LogProgress(reached, ends)


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_nothing_of_an_import_is_under_way_when_it_counts_as_stalled(seed: int, every: int) -> None:
    traffic, watch = Traffic(seed), Watch(ROW, since=0)
    for number in range(100_000):
        traffic.step()
        if number % every == 0 and watch.is_passed(traffic.progress()):
            assert not traffic.ours_is_under_way
            return
    raise AssertionError("it never counted as stalled")


def test_first_the_log_is_read_again_then_folders_are_listed_then_nothing_is_left() -> None:
    row, last, folders = replace(ROW, epoch=4), None, ["a", "b", "c"]
    tried = []
    while (healing := next_healing(row, last, folders[:2], BEGAN)) is not None:
        event, last = healing
        tried.append((event.epoch, event.folders))
        folders = [folder for folder in folders if folder > last.listed]
        row = replace(row, epoch=event.epoch)
    assert tried == [(5, ()), (6, ("a", "b")), (7, ("c",))]


def test_whatever_helped_is_tried_again() -> None:
    last = Healing(epoch=5, round=0, settled=settled(ROW) - 1, listed="z")
    row = replace(ROW, epoch=5)
    assert next_healing(row, last, [], BEGAN) == (
        e.ImportStalled(import_id=ROW.id, epoch=6, at=BEGAN),
        Healing(epoch=6, round=0, settled=settled(ROW)),
    )


@pytest.mark.parametrize("changes", [{"epoch": 6}, {"round": 1}])
def test_after_a_control_or_a_retry_all_is_tried_anew(changes: dict[str, int]) -> None:
    last = Healing(epoch=5, round=0, settled=settled(ROW), listed="z")
    row = replace(replace(ROW, epoch=5), **changes)
    healing = next_healing(row, last, ["a"], BEGAN + timedelta(seconds=1))
    assert healing is not None
    assert healing[0].folders == ()


class Folders:
    """An import with lost files: some come back when the log is read again, some when their folder
    is listed again, some never."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.lost = {f"{n:03}": self.rng.choices(["log", "drive", "never"], k=3) for n in range(9)}
        self.back = 0
        self.row = replace(ROW, epoch=0, pending=27, stored=0, unchanged=0, failed=0)

    def unfinished(self, after: str) -> list[str]:
        return [id for id, files in self.lost.items() if files and id > after][:2]

    def heal(self, event: e.ImportStalled) -> None:
        """What helps may help with only some of the files, but with one at least."""
        within = [(id, file) for id, files in self.lost.items() for file in files]
        helped = [
            (id, file)
            for id, file in within
            if file == "log" or (file == "drive" and id in event.folders)
        ]
        for id, file in self.rng.sample(helped, self.rng.randint(min(1, len(helped)), len(helped))):
            self.lost[id].remove(file)
            self.back += 1
        self.row = replace(self.row, epoch=event.epoch, stored=self.back, pending=27 - self.back)


@given(st.integers(0, 2**32))
def test_every_import_ends_and_only_what_never_comes_back_is_given_up(seed: int) -> None:
    folders = Folders(seed)
    last: Healing | None = None
    for _ in range(500):
        listed = "" if last is None else last.listed
        healing = next_healing(folders.row, last, folders.unfinished(listed), BEGAN)
        if healing is None:
            break
        event, last = healing
        folders.heal(event)
    else:
        raise AssertionError("it was never given up")
    assert {file for files in folders.lost.values() for file in files} <= {"never"}


def test_the_row_of_a_watch_is_compared_whole() -> None:
    watches = Watches(after=30)
    watches.look([ROW], now=0)
    for changes in ({"epoch": 1}, {"folders_listed": 2}, {"updated_at": BEGAN}, {"round": 1}):
        row: ImportRow = replace(ROW, **changes)
        assert watches.look([row], now=31) == []
        watches.look([ROW], now=0)

"""Work out of turn, on a log in memory: all is done once, in bounds, and small imports soon."""

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.flow import lookahead as rules
from services.core.flow.lookahead import Lookahead
from services.core.flow.offsets import History, Offsets
from services.core.flow.turns import FairQueue

HIGH, LOW, BATCH, BATCH_AHEAD = 200, 100, 50, 500
SLOTS = 8


@dataclass
class Partition:
    """A consumer of one partition: a reader in turn, one ahead, and `SLOTS` messages at once.

    `log` has the owner of each message; those that begin with `bulk` are. A step of time takes as
    many messages in as there are slots, and ends as many, at random.
    """

    log: list[str]
    seed: int = 0
    offsets: Offsets = field(default_factory=Offsets)
    position: int = 0
    reader: int = 0
    lookahead: Lookahead | None = None
    paused: bool = False
    in_turn: Counter[str] = field(default_factory=Counter)
    inbox: FairQueue[tuple[int, bool]] = field(default_factory=FairQueue)
    in_hand: list[tuple[int, bool]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    reads: int = 0
    most_ahead: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def step(self) -> None:
        self._pause()
        if not self.paused:
            self._read_in_turn()
        self._look_ahead()
        self._work()

    def run(self, steps: int = 100_000) -> None:
        for _ in range(steps):
            if len(self.done) == len(self.log):
                return
            self.step()
        raise AssertionError(f"{len(self.log) - len(self.done)} messages are left")

    def _pause(self) -> None:
        unfinished = self.offsets.unfinished
        self.paused = unfinished > LOW if self.paused else unfinished >= HIGH

    def _read_in_turn(self) -> None:
        for offset in range(self.position, min(self.position + BATCH, len(self.log))):
            self.position = offset + 1
            history = self.offsets.begin(offset)
            if history is History.NEW:
                self.in_turn[self.log[offset]] += 1
                self._deliver(offset, ahead=False)

    def _look_ahead(self) -> None:
        if self.lookahead is not None and not self.lookahead.is_needed:
            self.lookahead = None
        if self.lookahead is None:
            if not self.paused:
                return
            self.lookahead = Lookahead(self.offsets, self.offsets.next)
            self.reader = self.offsets.next
        for offset in range(self.reader, min(self.reader + BATCH_AHEAD, len(self.log))):
            self.reader = offset + 1
            self.reads += 1
            owner = self.log[offset]
            bulk, in_turn = owner.startswith("bulk"), self.in_turn[owner] > 0
            if not self.lookahead.takes(offset, owner, bulk=bulk, in_turn=in_turn):
                continue
            if self.offsets.begin_ahead(offset) is not None:
                self.lookahead.begun(owner)
                self._deliver(offset, ahead=True)
        to = self.lookahead.turn_to(len(self.log), self.in_turn)
        self.reader = self.reader if to is None else to
        self.most_ahead = max(self.most_ahead, self.offsets.ahead)

    def _deliver(self, offset: int, *, ahead: bool) -> None:
        owner = self.log[offset]
        self.inbox.put((offset, ahead), owner, bulk=owner.startswith("bulk"))

    def _work(self) -> None:
        while self.inbox and len(self.in_hand) < SLOTS:
            self.in_hand.append(self.inbox.take()[0])
        for _ in range(min(SLOTS // 2, len(self.in_hand))):
            offset, ahead = self.in_hand.pop(self.random.randrange(len(self.in_hand)))
            owner = self.log[offset]
            self.offsets.finish(offset)
            self.done.append(offset)
            if not ahead:
                self.in_turn[owner] -= 1
            elif self.lookahead is not None:
                self.lookahead.finished(owner)

    def ended(self, owner: str) -> int:
        """At which message, of all, the last one of this owner was done."""
        return max(at for at, offset in enumerate(self.done) if self.log[offset] == owner)


runs = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "bulk"]), st.integers(1, 400)))


@settings(deadline=None, max_examples=60)
@given(runs, st.integers(0, 9))
def test_whatever_lies_in_the_log_all_of_it_is_done_once_and_within_bounds(
    lengths: list[tuple[str, int]], seed: int
) -> None:
    log = [owner for owner, length in lengths for _ in range(length)]
    partition = Partition(log, seed)
    partition.run()
    assert sorted(partition.done) == list(range(len(log)))
    assert partition.offsets.committable == (len(log) or None)
    assert partition.offsets.finished_beyond == 0
    assert partition.most_ahead <= rules.MOST


@settings(deadline=None, max_examples=60)
@given(runs, st.lists(st.integers(1, 300), max_size=20), st.integers(0, 9))
def test_nothing_is_missed_that_comes_later(
    lengths: list[tuple[str, int]], pauses: list[int], seed: int
) -> None:
    partition = Partition([], seed)
    waits = deque(pauses)
    for owner, length in lengths:
        partition.log.extend([owner] * length)
        for _ in range(waits.popleft() if waits else 0):
            partition.step()
    partition.run()
    assert sorted(partition.done) == list(range(len(partition.log)))


def test_a_small_import_behind_a_large_one_is_done_among_the_first() -> None:
    partition = Partition(["large"] * 4_000 + ["small"] * 8)
    partition.run()
    assert partition.ended("small") < 700


def test_behind_three_large_ones_too() -> None:
    log = [name for name in ("first", "second", "third") for _ in range(4_000)]
    partition = Partition([*log, *["small"] * 8])
    partition.run()
    assert partition.ended("small") < 1_000


def test_imports_of_one_size_share_the_time_wherever_they_lie() -> None:
    partition = Partition(["first"] * 4_000 + ["second"] * 4_000)
    while partition.done.count(4_500) == 0 and len(partition.done) < 4_000:
        partition.step()
    second = sum(offset >= 4_000 for offset in partition.done)
    assert 0.35 < second / len(partition.done) < 0.65


def test_a_bulk_import_leaves_the_time_to_one_behind_it() -> None:
    partition = Partition(["bulk"] * 6_000 + ["normal"] * 3_000)
    partition.run()
    assert partition.ended("normal") < 3_000 * 1.25


def test_nothing_bulk_is_taken_out_of_turn() -> None:
    partition = Partition(["a"] * 1_000 + ["bulk"] * 1_000)
    while len(partition.done) < 700:
        partition.step()
    assert all(partition.log[offset] == "a" for offset in partition.done)


def test_each_message_is_looked_at_a_few_times_at_most() -> None:
    log = [f"import-{number // 50 % 7}" for number in range(20_000)]
    partition = Partition(log)
    partition.run()
    assert partition.reads < 20 * len(log)


def test_pieces_are_bounded_where_imports_alternate() -> None:
    """Else a commit could not say what is finished."""
    log = ["large"] * 1_000 + [f"import-{number % 2}" for number in range(6_000)]
    partition = Partition([*log, *["large"] * 1_000])
    most = 0
    while len(partition.done) < len(partition.log):
        partition.step()
        most = max(most, partition.offsets.pieces)
    assert most <= rules.MOST_PIECES + rules.MOST


def test_more_imports_than_cursors_are_all_done() -> None:
    log = ["large"] * 500 + [f"import-{number % 900}" for number in range(9_000)]
    partition = Partition(log)
    partition.run()
    assert sorted(partition.done) == list(range(len(log)))

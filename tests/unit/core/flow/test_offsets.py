"""The law of commits: never past unfinished work, and nothing finished is done twice."""

import base64
import json
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.core.flow.commit_state import (
    ALONE_DEATHS,
    LONGEST_METADATA,
    MARGIN,
    SUSPECT_DEATHS,
    CommitState,
)
from services.core.flow.offsets import History, Offsets
from services.core.flow.range_set import RangeSet


def begun(*offsets: int) -> Offsets:
    tracker = Offsets()
    for offset in offsets:
        tracker.begin(offset)
    return tracker


def resumed(tracker: Offsets, *, leaving: bool = False) -> Offsets:
    """The tracker of the next owner, after this one's last commit."""
    commit = tracker.due(leaving=leaving)
    assert commit is not None
    return Offsets.resumed(commit.offset, commit.metadata)


def test_the_commit_waits_for_the_slowest_message() -> None:
    offsets = begun(7, 8, 9)
    offsets.finish(9)
    offsets.finish(8)
    assert offsets.committable == 7
    offsets.finish(7)
    assert offsets.committable == 10


def test_gaps_between_offsets_are_no_unfinished_work() -> None:
    offsets = begun(3, 10)
    offsets.finish(3)
    assert offsets.committable == 10
    offsets.finish(10)
    assert offsets.committable == 11


def test_nothing_is_committable_before_a_delivery_and_after_the_end() -> None:
    offsets = Offsets()
    assert offsets.due() is None
    offsets.begin(4)
    offsets.end()
    assert (offsets.committable, offsets.due(), offsets.unfinished) == (None, None, 0)


def test_a_completion_after_the_end_changes_nothing() -> None:
    offsets = begun(1)
    offsets.end()
    offsets.finish(1)
    assert offsets.committable is None


def test_a_repeated_delivery_is_refused() -> None:
    offsets = begun(5)
    assert offsets.has_passed(5)
    with pytest.raises(ValueError, match="delivered before"):
        offsets.begin(5)


def test_an_acknowledged_commit_is_not_sent_again() -> None:
    offsets = begun(1, 2)
    offsets.finish(1)
    commit = offsets.due()
    assert commit is not None
    assert commit.offset == 2
    assert offsets.due() == commit  # not acknowledged: offered again
    offsets.acknowledged(*commit)
    assert offsets.due() is None
    offsets.finish(2)
    after = offsets.due()
    assert after is not None
    assert after.offset == 3


def test_what_finished_behind_a_slow_message_is_not_done_again() -> None:
    """One slow file must not make thousands be fetched again."""
    first = begun(*range(100, 3000))
    first.start(2995)
    for offset in range(101, 2990):
        first.finish(offset)
    second = resumed(first)
    histories = {offset: second.begin(offset) for offset in range(100, 3001)}
    assert histories[100] is History.REDELIVERED
    assert all(histories[offset] is History.FINISHED for offset in range(101, 2990))
    assert histories[2995] is History.REDELIVERED
    assert second.unfinished == 12


def test_what_was_inherited_as_finished_survives_another_crash() -> None:
    first = begun(*range(10))
    for offset in range(1, 10):
        first.finish(offset)
    second = resumed(first)
    second.begin(0)
    second.begin(1)
    third = resumed(second)
    histories = [third.begin(offset) for offset in range(10)]
    assert histories == [History.REDELIVERED] + [History.FINISHED] * 9


def test_after_a_crash_only_what_may_have_been_handled_counts_as_redelivered() -> None:
    first = begun(*range(20))
    first.start(0)
    first.start(1)
    second = resumed(first)
    histories = [second.begin(offset) for offset in range(2 + MARGIN + 1)]
    assert set(histories[: 2 + MARGIN]) == {History.REDELIVERED}
    assert histories[2 + MARGIN] is History.NEW


def test_after_an_orderly_release_the_rest_is_new() -> None:
    first = begun(*range(20))
    first.start(0)
    first.start(1)
    first.finish(0)
    second = resumed(first, leaving=True)
    assert [second.begin(offset) for offset in (1, 2)] == [History.REDELIVERED, History.NEW]


def test_the_death_of_an_idle_owner_proves_nothing() -> None:
    first = begun(1)
    first.start(1)
    first.finish(1)
    second = resumed(first)
    assert second.begin(2) is History.NEW


def died(tracker: Offsets, times: int) -> Offsets:
    """The next owner's tracker after so many owners died with message 0 in hand."""
    for _ in range(times):
        tracker.begin(0)
        tracker.start(0)
        tracker = resumed(tracker)
    return tracker


def test_a_message_during_which_the_worker_died_three_times_is_suspect() -> None:
    assert died(Offsets(), SUSPECT_DEATHS - 1).begin(0) is History.REDELIVERED
    assert died(Offsets(), SUSPECT_DEATHS).begin(0) is History.SUSPECT


def died_alone(tracker: Offsets, times: int, offset: int = 0) -> Offsets:
    """The next owner's tracker after so many owners died while they worked on this one alone."""
    for _ in range(times):
        for each in range(offset + 1):
            tracker.begin(each)
        tracker.begin_batch([offset], alone=True)
        tracker = resumed(tracker)
    return tracker


def test_a_message_that_killed_its_workers_alone_is_condemned() -> None:
    after = died_alone(died(Offsets(), SUSPECT_DEATHS), ALONE_DEATHS)
    assert [after.begin(0), after.begin(1)] == [History.CONDEMNED, History.SUSPECT]


def test_a_worker_that_was_killed_once_over_a_message_alone_condemns_it_not() -> None:
    """An operator may have killed it. Deaths over other messages, or before anything was begun,
    say nothing more about this one."""
    after = died_alone(died(Offsets(), SUSPECT_DEATHS), ALONE_DEATHS - 1)
    assert after.begin(0) is History.ISOLATED
    other = died_alone(resumed(after), 1, offset=1)
    assert [other.begin(0), other.begin(1)] == [History.ISOLATED, History.ISOLATED]


def test_deaths_over_a_message_alone_are_forgotten_if_an_owner_leaves_in_order() -> None:
    after = died_alone(died(Offsets(), SUSPECT_DEATHS), ALONE_DEATHS - 1)
    after.begin(0)
    after.begin_batch([0], alone=True)
    left = resumed(after, leaving=True)
    assert died_alone(died(left, SUSPECT_DEATHS), 1).begin(0) is History.ISOLATED


def test_a_suspect_that_succeeds_alone_clears_nobody_else_but_itself() -> None:
    tracker = died(Offsets(), SUSPECT_DEATHS)
    tracker.begin(0)
    tracker.begin(1)
    tracker.begin_batch([0], alone=True)
    tracker.finish(0)
    tracker.end_batch()
    after = resumed(tracker)
    assert after.begin(1) is History.SUSPECT


def suspected(count: int) -> Offsets:
    """Messages 0 to `count` - 1 are delivered, and suspects."""
    tracker = died(Offsets(), SUSPECT_DEATHS)
    assert {tracker.begin(offset) for offset in range(count)} == {History.SUSPECT}
    return tracker


def histories(tracker: Offsets, count: int) -> list[History]:
    return [tracker.begin(offset) for offset in range(count)]


def test_a_death_over_a_batch_isolates_what_was_left_of_it_and_suspects_nothing_more() -> None:
    tracker = suspected(9)
    tracker.begin_batch([2, 3, 4])
    tracker.finish(3)
    after = resumed(tracker)
    suspect, isolated = History.SUSPECT, History.ISOLATED
    expected = [suspect, suspect, isolated, History.FINISHED, isolated, suspect]
    assert histories(after, 6) == expected


def test_deaths_over_batches_suspect_nothing_more_than_the_deaths_before_them() -> None:
    tracker, last = suspected(MARGIN + 1), MARGIN
    for _ in range(5):
        tracker.begin_batch([last])
        tracker = resumed(tracker)
        assert histories(tracker, last) == [History.SUSPECT] * last
        assert tracker.begin(last) is History.ISOLATED
    assert tracker.begin(last + 1) is History.REDELIVERED


def test_deaths_over_batches_and_others_in_turns_suspect_no_more_if_nothing_else_begins() -> None:
    tracker = suspected(1)
    for _ in range(5):
        tracker.begin_batch([0])
        tracker = resumed(tracker)
        tracker.begin(0)  # delivered, and not begun
        tracker = resumed(tracker)
        tracker.begin(0)
    assert tracker.begin(MARGIN) is History.SUSPECT
    assert tracker.begin(MARGIN + 1) is History.NEW


def test_an_idle_moment_forgets_nothing_before_the_suspects_are_done() -> None:
    """Whoever dies then died of something else; but what was known before is still true."""
    tracker = suspected(2)
    for _ in range(ALONE_DEATHS):
        tracker.begin_batch([1], alone=True)
        tracker = resumed(tracker)
        tracker.begin(0)
        tracker.begin(1)
    tracker = resumed(tracker)
    tracker.begin(0)
    tracker.start(0)
    tracker.finish(0)
    tracker = resumed(tracker)
    assert tracker.begin(1) is History.CONDEMNED
    assert tracker.begin(2) is History.SUSPECT


def test_a_late_answer_to_an_earlier_commit_acknowledges_no_other() -> None:
    tracker = begun(0)
    first = tracker.due()
    tracker.begin_batch([0], alone=True)
    second = tracker.due()
    assert first is not None
    assert second is not None
    assert first.offset == second.offset
    tracker.acknowledged(*first)
    assert tracker.due() == second
    tracker.acknowledged(*second)
    assert tracker.due() is None


def test_a_death_over_a_batch_of_other_partitions_says_nothing_of_this_one() -> None:
    tracker = suspected(3)
    tracker.begin_batch([])
    assert histories(resumed(tracker), 3) == [History.SUSPECT] * 3
    fresh = begun(0)
    fresh.begin_batch([])
    for _ in range(SUSPECT_DEATHS):
        fresh = resumed(fresh)
        assert fresh.begin(0) is History.REDELIVERED
        fresh.begin_batch([])


def test_the_only_one_of_a_partition_in_a_batch_was_not_alone() -> None:
    tracker = suspected(1)
    for _ in range(2 * ALONE_DEATHS):
        tracker.begin_batch([0])
        tracker = resumed(tracker)
        assert tracker.begin(0) is History.ISOLATED


def test_what_is_isolated_stays_so_while_others_are_worked_on_and_others_die() -> None:
    tracker = suspected(3)
    tracker.begin_batch([1, 2])
    tracker = resumed(tracker)
    tracker.begin(0)
    tracker.begin(1)
    tracker.begin(2)
    tracker.start(0)
    tracker = resumed(tracker)  # a death like the first ones
    assert histories(tracker, 3) == [History.SUSPECT, History.ISOLATED, History.ISOLATED]


def test_what_was_shunned_and_delivered_stays_suspect_until_it_is_finished() -> None:
    tracker = begun_ahead(5_000)
    for _ in range(SUSPECT_DEATHS):
        tracker = resumed(tracker)
        tracker.begin(0)
        tracker.start(0)
        tracker.begin_ahead(5_000)
    assert tracker.begin(5_000) is History.SUSPECT
    tracker.begin_batch([])
    tracker = resumed(tracker)
    tracker.begin(0)
    assert tracker.begin(5_000) is History.SUSPECT


def test_deaths_are_forgotten_once_the_suspects_are_done() -> None:
    tracker = died(Offsets(), SUSPECT_DEATHS)
    for offset in range(MARGIN + 2):
        tracker.begin(offset)
        tracker.start(offset)
    for offset in range(MARGIN + 1):
        tracker.finish(offset)
    assert resumed(tracker).begin(MARGIN + 1) is History.REDELIVERED


@pytest.mark.parametrize("metadata", [None, "", "what another tool wrote", "0" * 5000, "c$~"])
def test_metadata_of_others_says_nothing(metadata: str | None) -> None:
    assert Offsets.resumed(5, metadata).begin(5) is History.NEW


def test_metadata_fits_what_a_broker_takes_and_drops_ranges_that_do_not() -> None:
    scattered = begun(*range(0, 60_000))
    for offset in range(0, 60_000, 2):
        scattered.finish(offset + 1)
    # A worst case for compression: gaps that follow no pattern.
    for offset in (n * n % 59_999 for n in range(20_000)):
        scattered.finish(offset)
    commit = scattered.due()
    assert commit is not None
    assert len(commit.metadata) <= LONGEST_METADATA
    state = CommitState.decode(commit.offset, commit.metadata)
    assert state is not None
    assert state.finished


@given(
    st.integers(0, 2**40),
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500)), max_size=40),
    st.integers(0, 300),
    st.integers(0, 9),
    st.lists(st.integers(0, 2_000), max_size=20),
    st.none() | st.lists(st.integers(0, 300), max_size=16),
)
def test_a_state_is_read_as_it_was_written(
    offset: int,
    steps: list[tuple[int, int]],
    started: int,
    deaths: int,
    ahead: list[int],
    batch: list[int] | None,
) -> None:
    ranges, last = [], offset
    for gap, length in steps:
        ranges.append((last + gap, last + gap + length))
        last += gap + length
    state = CommitState(
        finished=tuple(ranges),
        started=offset + started,
        deaths=deaths,
        suspect_until=offset + started,
        alone=offset + batch[0] if batch else None,
        idle=deaths == 0,
        ahead=tuple(RangeSet((offset + each, offset + each + 1) for each in ahead)),
        shunned=tuple(RangeSet((offset + 5_000 + each, offset + 5_000 + each) for each in ahead)),
        killed=(offset, deaths) if deaths > 5 else None,
        batch=None if batch is None else _ranges(offset, batch),
        isolated=_ranges(offset, batch or []) if deaths > 3 else (),
    )
    assert CommitState.decode(offset, state.encode(offset)) == state


def _ranges(offset: int, distances: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple(RangeSet((offset + each, offset + each) for each in sorted(distances)))


def begun_ahead(*offsets: int, in_turn: int = 0) -> Offsets:
    """Message 0 is in hand in its turn, and these are out of turn."""
    tracker = begun(in_turn)
    tracker.start(in_turn)
    for offset in offsets:
        assert tracker.begin_ahead(offset) is not None
        tracker.start(offset)
    return tracker


def test_what_is_done_out_of_turn_moves_no_commit_and_is_not_done_again() -> None:
    first = begun_ahead(500, 501, 900)
    first.finish(500)
    first.finish(501)
    assert first.committable == 0
    assert [first.begin(offset) for offset in (1, 500, 501, 900)] == [
        History.NEW,
        History.FINISHED,
        History.FINISHED,
        History.IN_HAND,
    ]
    first.finish(900)
    assert first.committable == 0


def test_what_lies_before_work_out_of_turn_is_new_after_a_crash() -> None:
    """Else thousands of files would be looked for in the store, or be suspect."""
    second = resumed(begun_ahead(5_000))
    assert second.begin(MARGIN + 2) is History.NEW
    assert second.begin(4_999) is History.NEW
    assert second.begin(5_000) is History.REDELIVERED


def test_what_was_out_of_turn_at_a_crash_is_taken_out_of_turn_again_and_counts_as_begun() -> None:
    second = resumed(begun_ahead(5_000, 5_001))
    second.begin(0)
    assert second.begin_ahead(5_000) is History.REDELIVERED
    assert second.begin_ahead(5_002) is History.NEW


def test_what_kills_out_of_turn_waits_for_its_turn_and_is_suspect_then() -> None:
    tracker = begun_ahead(5_000)
    for _ in range(SUSPECT_DEATHS - 1):
        tracker = resumed(tracker)
        tracker.begin(0)
        tracker.start(0)
        assert tracker.begin_ahead(5_000) is History.REDELIVERED
    tracker = resumed(tracker)
    tracker.begin(0)
    assert tracker.begin_ahead(5_000) is None
    tracker.finish(0)
    left = resumed(tracker, leaving=True)  # the deaths are forgotten, but not what was in hand
    left.begin(1)
    assert left.begin_ahead(5_000) is None
    assert left.begin_ahead(5_001) is History.NEW
    assert left.begin(5_000) is History.SUSPECT


def test_a_commit_of_older_code_and_one_that_older_code_reads() -> None:
    """Before there was work out of turn, a commit had one stream; the second is passed over."""
    tracker = begun_ahead(700, 800)
    tracker.finish(700)
    commit = tracker.due()
    assert commit is not None
    old = json.loads(zlib.decompress(base64.b85decode(commit.metadata)))
    assert (len(old), old[0], old[-1]) == (7, 1, [700, 0])
    alone = base64.b85encode(zlib.compress(json.dumps(old).encode())).decode()
    state = CommitState.decode(commit.offset, alone)
    assert state is not None
    assert (state.finished, state.ahead, state.shunned) == (((700, 700),), (), ())


def test_a_commit_over_a_batch_is_a_death_alone_or_among_others_for_older_code() -> None:
    """It reads three streams, and passes over the fourth."""
    tracker = suspected(2)
    tracker.begin_batch([1])
    commit = tracker.due()
    assert commit is not None
    streams, texts = base64.b85decode(commit.metadata), []
    while streams:
        inflate = zlib.decompressobj()
        texts.append(json.loads(inflate.decompress(streams)))
        streams = inflate.unused_data
    first, ahead, killed, batch = texts
    assert (first[2], first[5], ahead, batch) == (SUSPECT_DEATHS, False, [[], []], [[1, 0], []])
    assert killed[0] < commit.offset, "older code takes a message before the commit for a killer"


def test_a_commit_with_much_out_of_turn_fits_and_forgets_nothing_that_was_begun() -> None:
    tracker = begun(0)
    taken = sorted({n * n * 7_919 % 1_000_003 + 1 for n in range(2_000)})
    for offset in taken:
        tracker.begin_ahead(offset)
    for offset in taken[::2]:
        tracker.finish(offset)
    commit = tracker.due()
    assert commit is not None
    assert len(commit.metadata) <= LONGEST_METADATA
    after = Offsets.resumed(commit.offset, commit.metadata)
    after.begin(0)
    histories = {offset: after.begin(offset) for offset in taken}
    assert History.NEW not in histories.values()
    assert all(histories[offset] is History.REDELIVERED for offset in taken[1::2])


def test_what_is_withdrawn_was_never_begun() -> None:
    tracker = begun_ahead(500)
    tracker.withdraw(500)
    tracker.withdraw(501)
    assert tracker.ahead == 0
    assert tracker.begin(500) is History.NEW


def test_what_was_begun_out_of_turn_and_then_delivered_counts_as_begun_at_the_next_death() -> None:
    tracker = resumed(begun_ahead(5_000))
    tracker.begin(0)
    assert tracker.begin(5_000) is History.REDELIVERED
    tracker = resumed(tracker)
    tracker.begin(0)
    assert tracker.begin(5_000) is History.REDELIVERED


def test_the_age_of_the_oldest_counts_what_is_out_of_turn() -> None:
    tracker = Offsets()
    tracker.begin(0)
    tracker.begin_ahead(9)
    assert tracker.oldest == math.inf  # nobody works on them as yet
    tracker.start(0, 10.0)
    tracker.start(9, 5.0)
    assert tracker.oldest == 5.0
    tracker.begin(9)  # its turn has come
    assert tracker.oldest == 5.0
    tracker.finish(9)
    assert tracker.oldest == 10.0


class Crashes(RuleBasedStateMachine):
    """Deliveries with gaps, in and out of turn, completions in any order, commits, crashes and
    hand-overs."""

    @initialize()
    def a_log(self) -> None:
        self.log: list[int] = []
        self.done: set[int] = set()
        self.offsets = Offsets()
        self.committed: tuple[int, str | None] = (0, None)
        self.position = 0
        self.in_hand: set[int] = set()
        self.announced_ahead: set[int] = set()

    @rule(gap=st.integers(1, 3))
    def append(self, gap: int) -> None:
        self.log.append((self.log[-1] if self.log else 0) + gap)

    @precondition(lambda self: any(o >= self.position for o in self.log))
    @rule()
    def deliver(self) -> None:
        offset = next(o for o in self.log if o >= self.position)
        self.position = offset + 1
        history = self.offsets.begin(offset)
        if history is History.FINISHED:
            assert offset in self.done, "unfinished work was passed over"
        elif history is History.IN_HAND:
            assert offset in self.in_hand, "nobody works on it"
        else:
            self._start(offset, history)

    @precondition(lambda self: self.position and self.position <= max(self.log, default=0))
    @rule(data=st.data())
    def deliver_out_of_turn(self, data: st.DataObject) -> None:
        beyond = [o for o in self.log if o >= self.position]
        offset = data.draw(st.sampled_from(beyond))
        history = self.offsets.begin_ahead(offset)
        if history is not None:
            self.commit()
            self._start(offset, history)
            self.announced_ahead.add(offset)

    def _start(self, offset: int, history: History) -> None:
        assert offset not in self.in_hand, "it is worked on twice at once"
        if offset in self.announced_ahead:
            assert history is not History.NEW, "nobody would look whether it was done"
        self.in_hand.add(offset)
        self.offsets.start(offset)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.in_hand.remove(offset)
        self.done.add(offset)
        self.offsets.finish(offset)

    @rule()
    def commit(self) -> None:
        due = self.offsets.due()
        if due is not None:
            self.committed = due.offset, due.metadata
            self.offsets.acknowledged(*due)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def begin_a_batch(self, data: st.DataObject) -> None:
        in_turn = sorted(offset for offset in self.in_hand if offset < self.position)
        if in_turn:
            batch = data.draw(st.lists(st.sampled_from(in_turn), min_size=1, unique=True))
            self.offsets.begin_batch(batch, alone=len(batch) == 1)
            self.commit()

    @rule()
    def end_a_batch(self) -> None:
        self.offsets.end_batch()
        self.commit()

    @rule(leaving=st.booleans())
    def next_owner(self, leaving: bool) -> None:
        due = self.offsets.due(leaving=True) if leaving else None
        if due is not None:
            self.committed = due.offset, due.metadata
        self.offsets.end()
        self.offsets = Offsets.resumed(*self.committed)
        self.position = self.committed[0]
        self.in_hand.clear()

    @invariant()
    def what_is_told_to_be_finished_is(self) -> None:
        low = self.offsets.committable
        if low is not None:
            beyond = [o for o in self.log if o >= low]
            left = [o for o in beyond if o not in self.done]
            assert len(left) <= max(self.log[-1] + 1 - low - self.offsets.finished_beyond, 0)

    @invariant()
    def nothing_unfinished_is_behind_the_commit(self) -> None:
        behind = {offset for offset in self.log if offset < self.committed[0]}
        assert behind <= self.done


TestCrashes = Crashes.TestCase

"""The law of commits: never past unfinished work, and nothing finished is done twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.core.flow.commit_state import (
    LONGEST_METADATA,
    MARGIN,
    SUSPECT_DEATHS,
    CommitState,
)
from services.core.flow.offsets import History, Offsets


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
    offsets.acknowledged(2)
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


def test_a_message_that_killed_its_worker_alone_is_condemned() -> None:
    tracker = died(Offsets(), SUSPECT_DEATHS)
    tracker.begin(0)
    tracker.start(0, alone=True)
    after = resumed(tracker)
    assert [after.begin(0), after.begin(1)] == [History.CONDEMNED, History.SUSPECT]


def test_a_suspect_that_succeeds_alone_clears_nobody_else_but_itself() -> None:
    tracker = died(Offsets(), SUSPECT_DEATHS)
    tracker.begin(0)
    tracker.begin(1)
    tracker.start(0, alone=True)
    tracker.finish(0)
    after = resumed(tracker)
    assert after.begin(1) is History.SUSPECT


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
    st.none() | st.integers(0, 100),
    st.booleans(),
)
def test_a_state_is_read_as_it_was_written(
    offset: int,
    steps: list[tuple[int, int]],
    started: int,
    deaths: int,
    alone: int | None,
    idle: bool,
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
        alone=None if alone is None else offset + alone,
        idle=idle,
    )
    assert CommitState.decode(offset, state.encode(offset)) == state


class Crashes(RuleBasedStateMachine):
    """Deliveries with gaps, completions in any order, commits, crashes and hand-overs."""

    @initialize()
    def a_log(self) -> None:
        self.log: list[int] = []
        self.done: set[int] = set()
        self.offsets = Offsets()
        self.committed: tuple[int, str | None] = (0, None)
        self.position = 0
        self.in_hand: set[int] = set()

    @rule(gap=st.integers(1, 3))
    def append(self, gap: int) -> None:
        self.log.append((self.log[-1] if self.log else 0) + gap)

    @precondition(lambda self: any(o >= self.position for o in self.log))
    @rule()
    def deliver(self) -> None:
        offset = next(o for o in self.log if o >= self.position)
        self.position = offset + 1
        if self.offsets.begin(offset) is History.FINISHED:
            assert offset in self.done, "unfinished work was passed over"
        else:
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
            self.offsets.acknowledged(due.offset)

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
    def nothing_unfinished_is_behind_the_commit(self) -> None:
        behind = {offset for offset in self.log if offset < self.committed[0]}
        assert behind <= self.done


TestCrashes = Crashes.TestCase

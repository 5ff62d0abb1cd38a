"""The commit law: never past unfinished work, whatever the order of begin, finish, revoke, gap."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.core.flow.offsets import Offsets, Watermarks


def test_commit_waits_for_the_slowest_message() -> None:
    offsets = Offsets()
    for offset in (7, 8, 9):
        offsets.begin(offset)
    offsets.finish(9)
    offsets.finish(8)
    assert offsets.committable == 7
    offsets.finish(7)
    assert offsets.committable == 10


def test_gaps_in_the_log_are_no_reason_to_wait() -> None:
    offsets = Offsets()
    offsets.begin(3)
    offsets.begin(90)  # markers or compaction in between
    offsets.finish(3)
    assert offsets.committable == 90


def test_nothing_delivered_is_nothing_to_commit() -> None:
    assert Offsets().committable is None
    assert Offsets().uncommitted is None


def test_an_offset_that_is_committed_is_not_offered_again() -> None:
    offsets = Offsets()
    offsets.begin(1)
    offsets.finish(1)
    assert offsets.uncommitted == 2
    offsets.committed(2)
    assert offsets.uncommitted is None


def test_a_repeated_delivery_is_refused() -> None:
    offsets = Offsets()
    offsets.begin(5)
    with pytest.raises(ValueError, match="offset 5"):
        offsets.begin(5)


def test_the_oldest_unfinished_message_gives_the_age() -> None:
    offsets = Offsets()
    assert offsets.oldest_age(10.0) == 0.0
    offsets.begin(1, at=3.0)
    offsets.begin(2, at=8.0)
    assert offsets.oldest_age(10.0) == 7.0
    offsets.finish(1)
    assert offsets.oldest_age(10.0) == 2.0


def test_the_flow_is_paused_high_and_resumed_low() -> None:
    marks = Watermarks(high=10, low=4)
    assert [marks.should_pause(n) for n in (9, 10)] == [False, True]
    assert [marks.should_resume(n) for n in (4, 5)] == [True, False]


class CommitLaw(RuleBasedStateMachine):
    """Against a plain model: the set of delivered offsets, and the set of finished ones."""

    @initialize()
    def assign(self) -> None:
        self.offsets = Offsets()
        self.delivered: list[int] = []
        self.finished: set[int] = set()
        self.highest_committed = -1

    @rule(gap=st.integers(1, 5))
    @precondition(lambda self: not self.offsets.ended)
    def deliver(self, gap: int) -> None:
        offset = (self.delivered[-1] if self.delivered else 0) + gap
        self.offsets.begin(offset)
        self.delivered.append(offset)

    @rule(data=st.data())
    @precondition(lambda self: self.delivered)
    def finish(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(self.delivered))
        self.offsets.finish(offset)
        self.finished.add(offset)

    @rule(offset=st.integers(-5, 100))
    def finish_what_was_never_delivered(self, offset: int) -> None:
        if offset not in self.delivered:
            self.offsets.finish(offset)

    @rule()
    def commit(self) -> None:
        offset = self.offsets.uncommitted
        if offset is not None:
            self.offsets.committed(offset)
            self.highest_committed = offset

    @rule()
    def revoke(self) -> None:
        self.offsets.end()

    @invariant()
    def never_past_unfinished_work(self) -> None:
        unfinished = [o for o in self.delivered if o not in self.finished]
        limit = min(unfinished, default=self.delivered[-1] + 1 if self.delivered else 0)
        assert self.highest_committed <= limit
        committable = self.offsets.committable
        if self.offsets.ended or not self.delivered:
            assert committable is None
        else:
            assert committable == limit

    @invariant()
    def the_count_is_of_what_is_unfinished(self) -> None:
        if not self.offsets.ended:
            assert self.offsets.unfinished == len(set(self.delivered) - self.finished)


TestCommitLaw = CommitLaw.TestCase

"""What `tests.fire` says of commits."""

from tests.fire.checks.commits import Finished, Message, in_order, never_back
from tests.fire.sampling import Commit

WORK = ("import-a", "file-1", 0)
DONE = Finished(outcomes={WORK: 500}, letters={}, controls={})


def found(offset: int = 7, epoch: int = 0) -> Message:
    return Message(partition=0, offset=offset, work=WORK, owners={"import-a": epoch})


def test_a_commit_after_the_outcome_holds() -> None:
    verdict = in_order([Commit(600, 0, 8)], [found()], DONE)
    assert verdict.holds
    assert verdict.counted.startswith("1 messages")


def test_a_commit_before_the_outcome_does_not() -> None:
    [wrong] = in_order([Commit(400, 0, 8)], [found()], DONE).wrong
    assert "100 ms before its outcome" in wrong


def test_a_commit_past_what_has_no_outcome_does_not() -> None:
    nothing = Finished(outcomes={}, letters={}, controls={})
    [wrong] = in_order([Commit(400, 0, 8)], [found()], nothing).wrong
    assert "has no outcome" in wrong


def test_a_commit_up_to_the_message_says_nothing_of_it() -> None:
    nothing = Finished(outcomes={}, letters={}, controls={})
    assert in_order([Commit(400, 0, 7), Commit(400, 1, 9)], [found()], nothing).holds


def test_the_first_commit_past_it_counts() -> None:
    commits = [Commit(400, 0, 8), Commit(600, 0, 9)]
    assert not in_order(commits, [found()], DONE).holds


def test_a_control_of_a_later_epoch_makes_a_message_void() -> None:
    paused = Finished(outcomes={}, letters={}, controls={"import-a": [(2, 300)]})
    assert in_order([Commit(400, 0, 8)], [found(epoch=1)], paused).holds
    assert not in_order([Commit(400, 0, 8)], [found(epoch=2)], paused).holds
    assert not in_order([Commit(200, 0, 8)], [found(epoch=1)], paused).holds


def test_what_nobody_can_read_is_finished_by_its_dead_letter() -> None:
    poison = Message(partition=0, offset=7, work=None)
    letter = Finished(outcomes={}, letters={(0, 7): 300}, controls={})
    assert in_order([Commit(400, 0, 8)], [poison], letter).holds
    assert not in_order([Commit(200, 0, 8)], [poison], letter).holds


def test_a_commit_that_goes_back_is_a_zombie() -> None:
    forth = [Commit(1, 0, 5), Commit(2, 0, 5), Commit(3, 1, 2), Commit(4, 0, 9)]
    assert never_back(forth).holds
    [wrong] = never_back([*forth, Commit(5, 0, 6)]).wrong
    assert "from 9 (at 4) back to 6" in wrong


def test_each_group_has_commits_of_its_own() -> None:
    transfers, listers = Commit(1, 0, 5), Commit(2, 0, 3, "lister")
    assert never_back([transfers, listers, Commit(3, 0, 5), Commit(4, 0, 3, "lister")]).holds
    assert not never_back([transfers, listers, Commit(3, 0, 2, "lister")]).holds
    nothing = Finished(outcomes={}, letters={}, controls={})
    assert in_order([Commit(400, 0, 8, "lister")], [found()], nothing).holds

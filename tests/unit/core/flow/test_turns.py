"""Who goes next: nothing is lost, nobody waits for ever, and a small import hardly waits at all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.flow.turns import MOST_OWNERS, SHARE, UP_TO, Claim, FairQueue, Rank, Turns

claims = st.tuples(st.sampled_from("abc"), st.sampled_from(Rank)).map(lambda each: Claim(*each))


def filled(*claims: Claim) -> Turns[tuple[Claim, int]]:
    turns = Turns[tuple[Claim, int]]()
    for number, claim in enumerate(claims):
        turns.put((claim, number), claim)
    return turns


@given(st.lists(claims))
def test_all_that_was_put_comes_out_once_and_in_order_for_each_owner(given_: list[Claim]) -> None:
    turns = filled(*given_)
    assert len(turns) == len(given_)
    assert sorted(number for _, number in turns) == list(range(len(given_)))
    taken = [turns.take() for _ in given_]
    assert sorted(number for _, number in taken) == list(range(len(given_)))
    for claim in set(given_):
        mine = [number for of, number in taken if of == claim]
        assert mine == sorted(mine)
    assert not turns
    with pytest.raises(IndexError):
        turns.take()


@given(st.lists(claims, min_size=1), st.data())
def test_whoever_leaves_is_not_waited_for(given_: list[Claim], data: st.DataObject) -> None:
    turns = filled(*given_)
    number = data.draw(st.integers(0, len(given_) - 1))
    item = given_[number], number
    turns.discard(item, given_[number])
    turns.discard(item, given_[number])
    assert len(turns) == len(given_) - 1
    left = [turns.take() for _ in range(len(turns))]
    assert item not in left
    assert len(left) == len(given_) - 1


def test_a_small_import_gets_most_turns_and_a_large_one_the_others() -> None:
    small, large = Claim("small", Rank.FIRST), Claim("large", Rank.NORMAL)
    turns = filled(*[large] * 1_000, *[small] * 100)
    taken = [turns.take()[0] for _ in range(200)]
    last = max(place for place, claim in enumerate(taken) if claim is small)
    assert last < 100 * SHARE / (SHARE - 1) + 1
    assert taken[: last + 1].count(large) >= 100 // (SHARE - 1)


def test_bulk_gets_some_turns_even_behind_all_others() -> None:
    turns = filled(*(Claim(rank.name, rank) for rank in Rank for _ in range(2_000)))
    counts = Counter(turns.take()[0].owner for _ in range(1_024))
    assert counts["FIRST"] == 1_024 * (SHARE - 1) // SHARE
    below = 1_024 // SHARE // (len(Rank) - 1)
    assert {counts[rank.name] for rank in Rank if rank is not Rank.FIRST} == {below}


def test_owners_of_one_rank_take_turns() -> None:
    a, b, c = (Claim(name, Rank.NORMAL) for name in "abc")
    turns = filled(*[a] * 50, b, b, c)
    assert [turns.take()[0].owner for _ in range(7)] == list("abcabaa")


@given(st.lists(st.booleans(), max_size=300), st.lists(st.sampled_from(Rank), max_size=300))
def test_whatever_comes_meanwhile_nobody_waits_for_ever(
    takes: list[bool], comes: list[Rank]
) -> None:
    """Bulk gets one of so many turns, whatever the others do."""
    turns = filled(*[Claim("bulk", Rank.BULK)] * 300)
    waited, most = 0, 0
    for take, rank in zip(takes, comes, strict=False):
        turns.put((Claim("new", rank), -1), Claim("new", rank))
        if take:
            bulk = turns.take()[0].rank is Rank.BULK
            waited = 0 if bulk else waited + 1
            most = max(most, waited)
    assert most <= SHARE * len(Rank)


def test_an_import_s_rank_falls_as_it_is_served() -> None:
    queue = FairQueue[int]()
    for number in range(UP_TO[-1] + 1):
        queue.put(number, "a", bulk=False)
    queue.put(-1, "a", bulk=True)
    taken = [queue.take() for _ in range(UP_TO[-1] + 2)]
    assert not queue
    mine = [(item, claim.rank) for item, claim in taken if item >= 0]
    assert [item for item, _ in mine] == list(range(UP_TO[-1] + 1))
    changes = [mine.index((most, rank)) for most, rank in zip(UP_TO, [*Rank][1:4], strict=True)]
    assert changes == list(UP_TO)
    assert next(claim for item, claim in taken if item < 0) == Claim("a", Rank.BULK)


def test_a_small_import_goes_before_one_that_waits_in_thousands() -> None:
    """However many of the large one were put before: it counts what was taken."""
    queue = FairQueue[str]()
    for _ in range(2_400):
        queue.put("large", "large", bulk=False)
    for _ in range(2 * UP_TO[0]):
        queue.take()
    for _ in range(100):
        queue.put("small", "small", bulk=False)
    order = [queue.take()[0] for _ in range(200)]
    assert order[:116].count("small") == 100


def test_a_third_of_the_work_says_what_all_workers_have_done() -> None:
    queue = FairQueue[int](lambda: 1 / 3)
    for number in range(UP_TO[0]):
        queue.put(number, "a", bulk=False)
    ranks = [queue.take()[1].rank for _ in range(UP_TO[0])]
    assert ranks.index(Rank.SECOND) == UP_TO[0] // 3 + 1


def test_who_has_no_part_serves_all_the_same() -> None:
    queue = FairQueue[int](lambda: 0.0)
    queue.put(1, "a", bulk=False)
    queue.put(2, "a", bulk=False)
    assert [queue.take()[0] for _ in range(2)] == [1, 2]


def test_two_imports_that_are_served_alike_share_alike() -> None:
    queue = FairQueue[str]()
    for owner in ("a", "b"):
        for _ in range(20_000):
            queue.put(owner, owner, bulk=False)
    order = [queue.take()[0] for _ in range(20_000)]
    assert abs(order.count("a") - order.count("b")) <= 2


def test_how_many_owners_are_remembered_is_bounded() -> None:
    queue = FairQueue[int]()
    for number in range(MOST_OWNERS + 10):
        queue.put(number, str(number), bulk=False)
        queue.take()
    assert len(queue._served) == MOST_OWNERS
    assert not queue._waiting

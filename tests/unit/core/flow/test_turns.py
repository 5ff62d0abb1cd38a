"""Who goes next: nothing is lost, nobody waits for ever, and a small import hardly waits at all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.flow.turns import FIRST, MOST_OWNERS, SHARE, Attained, Claim, Rank, Turns

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


def test_bulk_gets_some_turns_even_behind_two_others() -> None:
    turns = filled(*(Claim(rank.name, rank) for rank in Rank for _ in range(2_000)))
    counts = Counter(turns.take()[0].owner for _ in range(1_000))
    assert counts["BULK"] >= 1_000 // SHARE**2
    assert counts["FIRST"] > counts["NORMAL"] > counts["BULK"]


def test_owners_of_one_rank_take_turns() -> None:
    a, b, c = (Claim(name, Rank.NORMAL) for name in "abc")
    turns = filled(*[a] * 50, b, b, c)
    assert [turns.take()[0].owner for _ in range(7)] == list("abcabaa")


@given(st.lists(st.booleans(), max_size=300), st.lists(st.sampled_from(Rank), max_size=300))
def test_whatever_comes_meanwhile_nobody_waits_for_ever(
    takes: list[bool], comes: list[Rank]
) -> None:
    """Bulk gets one of `SHARE` squared turns, whatever the others do."""
    turns = filled(*[Claim("bulk", Rank.BULK)] * 300)
    waited, most = 0, 0
    for take, rank in zip(takes, comes, strict=False):
        turns.put((Claim("new", rank), -1), Claim("new", rank))
        if take:
            bulk = turns.take()[0].rank is Rank.BULK
            waited = 0 if bulk else waited + 1
            most = max(most, waited)
    assert most <= SHARE**2


def test_an_import_is_first_only_for_so_many_messages() -> None:
    attained = Attained()
    ranks = [attained.claim("a", bulk=False).rank for _ in range(FIRST + 2)]
    assert ranks == [Rank.FIRST] * FIRST + [Rank.NORMAL] * 2
    assert attained.claim("b", bulk=False).rank is Rank.FIRST
    assert attained.claim("b", bulk=True) == Claim("b", Rank.BULK)


def test_how_many_owners_are_remembered_is_bounded() -> None:
    attained = Attained()
    for number in range(MOST_OWNERS + 10):
        attained.claim(str(number), bulk=False)
    assert len(attained._counts) == MOST_OWNERS

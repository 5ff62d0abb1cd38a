"""Ranges behave as the set of numbers that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from services.core.flow.range_set import RangeSet

numbers = st.lists(st.integers(0, 60), max_size=60)


@given(numbers, st.integers(0, 70))
def test_it_holds_what_was_added_and_not_forgotten(added: list[int], below: int) -> None:
    ranges = RangeSet()
    for number in added:
        ranges.add(number)
    ranges.forget_below(below)
    left = {number for number in added if number >= below}
    assert {n for n in range(-1, 72) if n in ranges} == left
    assert {n for first, last in ranges for n in range(first, last + 1)} == left


@given(numbers)
def test_ranges_ascend_and_do_not_touch(added: list[int]) -> None:
    ranges = RangeSet()
    for number in added:
        ranges.add(number)
    edges = [edge for each in ranges for edge in each]
    assert edges == sorted(edges)
    assert all(b - a >= 2 for (_, a), (b, _) in zip(ranges, [*ranges][1:], strict=False))
    assert len(ranges) == len([*ranges])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=20))
def test_it_is_made_of_any_ranges(given_ranges: list[tuple[int, int]]) -> None:
    ranges = RangeSet((first, first + length) for first, length in given_ranges)
    held = {n for first, length in given_ranges for n in range(first, first + length + 1)}
    assert {n for n in range(72) if n in ranges} == held
    assert RangeSet(ranges).__len__() == len(ranges)


def test_an_empty_range_adds_nothing() -> None:
    assert not [*RangeSet([(5, 4)])]

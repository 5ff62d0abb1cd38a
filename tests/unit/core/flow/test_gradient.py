"""What two windows say of throughput and latency."""

import math

import pytest

from services.core.flow.gradient import Stay, Window, size_class

SMALL, LARGE = 8, 12


def a_window(limit: int, *files: tuple[int, float], waited: float = 0.0) -> Window:
    """Of files as their kind and the seconds that they took."""
    window = Window(limit=limit, since=0.0, slot_seconds=100.0)
    for kind, worked in files:
        window.add(Stay(kind, 0.0, worked, waited))
    return window


def test_twice_as_many_in_the_same_time_are_twice_the_throughput() -> None:
    before, after = a_window(4, *[(SMALL, 0.1)] * 20), a_window(8, *[(SMALL, 0.1)] * 20)
    change = before.change_to(after)
    assert change is not None
    assert change.latency == pytest.approx(0)
    assert change.throughput == pytest.approx(math.log(2))


def test_twice_as_many_that_take_twice_as_long_are_no_gain() -> None:
    before, after = a_window(4, *[(SMALL, 0.1)] * 20), a_window(8, *[(SMALL, 0.2)] * 20)
    change = before.change_to(after)
    assert change is not None
    assert change.latency == pytest.approx(math.log(2))
    assert change.throughput == pytest.approx(0)


def test_another_mix_of_sizes_is_no_change() -> None:
    """In bytes the throughput grows ninefold, and in files it falls to a fifth."""
    before = a_window(8, *[(SMALL, 0.1)] * 18, *[(LARGE, 2.0)] * 2)
    after = a_window(8, *[(SMALL, 0.1)] * 2, *[(LARGE, 2.0)] * 18)
    change = before.change_to(after)
    assert change is not None
    assert change.throughput == pytest.approx(0)


def test_without_a_kind_in_common_nothing_is_known() -> None:
    assert a_window(4, (SMALL, 0.1)).change_to(a_window(8, (LARGE, 0.1))) is None
    assert a_window(4).change_to(a_window(8, (LARGE, 0.1))) is None


def test_one_very_slow_file_counts_little() -> None:
    before = a_window(8, *[(SMALL, 0.1)] * 50)
    change = before.change_to(a_window(8, *[(SMALL, 0.1)] * 49, (SMALL, 10.0)))
    assert change is not None
    assert change.latency < 0.1  # its mean is three times as long


def test_more_files_are_more_certain() -> None:
    few, many = (a_window(8, *[(SMALL, 0.1)] * number) for number in (10, 1000))
    rough, fine = few.change_to(few), many.change_to(many)
    assert rough is not None
    assert fine is not None
    assert rough.error > 5 * fine.error


def test_who_waits_is_not_worked_on() -> None:
    window = a_window(8, *[(SMALL, 0.3)] * 10, waited=0.1)
    assert window.slots == pytest.approx(6)
    assert window.is_limited(10.0, 100 + 8 * 10)
    assert not a_window(8, *[(SMALL, 0.1)] * 10, waited=0.1).is_limited(10.0, 100 + 8 * 10)


def test_slots_that_are_free_say_that_something_else_limits() -> None:
    window = a_window(8, *[(SMALL, 0.1)] * 10)
    assert window.is_limited(10.0, 100 + 7 * 10)
    assert not window.is_limited(10.0, 100 + 4 * 10)


def test_a_window_lasts_two_rounds_of_all_slots_and_half_a_second() -> None:
    assert not a_window(32, *[(SMALL, 0.1)] * 63).is_over(10.0)
    assert a_window(32, *[(SMALL, 0.1)] * 64).is_over(10.0)
    assert not a_window(32, *[(SMALL, 0.1)] * 64).is_over(0.4)
    assert not a_window(1, *[(SMALL, 0.1)] * 11).is_over(10.0)


def test_what_was_seen_before_counts_half() -> None:
    window = a_window(8, *[(SMALL, 0.1)] * 20)
    window.merge(a_window(8, *[(SMALL, 0.1)] * 20, *[(LARGE, 1.0)] * 4))
    assert window.count == 34
    assert window.kinds[SMALL].count == 30
    assert window.kinds[LARGE].count == 4
    assert math.exp(window.kinds[SMALL].mean) == pytest.approx(0.1)


def test_sizes_within_a_factor_of_four_are_alike() -> None:
    assert size_class(0) == size_class(20_000) == size_class(65_535)
    assert size_class(100_000) != size_class(400_000)
    assert size_class(3 << 30) > size_class(8 << 20)

"""The arithmetic of the limiter, without anybody who waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.flow.quota import (
    BURST_SECONDS,
    DECREASE,
    FLOOR,
    MINUTE,
    ONCE_IN_SECONDS,
    RECOVERY_A_SECOND,
    AimdRate,
    SlidingCounter,
    TokenBucket,
)

RATES = st.floats(0.01, 1e6)


class Said(list[str]):
    """What a aimd had to say."""

    def __call__(self, event: str, **_fields: object) -> None:
        self.append(event)


@given(
    rate=RATES,
    asks=st.lists(st.tuples(st.floats(0, 10), st.integers(1, 1000)), max_size=40),
)
def test_in_no_stretch_of_time_is_more_spent_than_the_rate_and_a_small_burst(
    rate: float, asks: list[tuple[float, int]]
) -> None:
    bucket, now, spent = TokenBucket(0.0), 0.0, list[tuple[float, int]]()
    for gap, units in asks:
        now += gap
        bucket.move(now, rate)
        if not bucket.free:
            continue
        bucket.spend(units)
        spent.append((now, units))
    for first, (since, _) in enumerate(spent):
        for last in range(first, len(spent)):
            stretch = spent[first : last + 1]
            # The last one is let go before its units are earned; no more than it.
            earned = rate * (stretch[-1][0] - since + BURST_SECONDS)
            assert sum(units for _, units in stretch[:-1]) <= earned * (1 + 1e-9)


@given(rate=RATES, units=st.integers(1, 10_000))
def test_who_waits_as_long_as_told_may_spend_and_not_much_earlier(rate: float, units: int) -> None:
    bucket = TokenBucket(0.0)
    bucket.move(0.0, rate)
    assert bucket.free
    bucket.spend(units)
    wait = bucket.wait(rate)
    assert wait == pytest.approx(units / rate)
    bucket.move(wait * 0.999, rate)
    assert not bucket.free
    bucket.move(wait * (1 + 1e-9), rate)
    assert bucket.free


def test_without_a_rate_nobody_may_spend_however_long_it_lasts() -> None:
    bucket = TokenBucket(0.0)
    bucket.move(1000.0, 0.0)
    assert not bucket.free
    assert bucket.wait(0.0) == float("inf")


def test_an_idle_hour_saves_up_no_more_than_a_moment() -> None:
    bucket = TokenBucket(0.0)
    bucket.move(3600.0, 100.0)
    let_go = 0
    while bucket.free:
        bucket.spend(5)
        let_go += 1
    assert let_go == BURST_SECONDS * 100 / 5 + 1


def test_a_clock_that_stands_still_or_goes_back_earns_nothing() -> None:
    bucket = TokenBucket(10.0)
    bucket.move(10.0, 5.0)
    bucket.spend(5)
    bucket.move(9.0, 5.0)
    assert not bucket.free
    bucket.move(10.5, 5.0)
    assert not bucket.free


def test_refusals_that_come_together_count_once() -> None:
    aimd = AimdRate(Said())
    for moment in range(10):
        aimd.refused(moment * ONCE_IN_SECONDS / 10)
    assert aimd.factor(0.0) == DECREASE


def test_one_that_comes_later_counts_again() -> None:
    aimd = AimdRate(Said())
    aimd.refused(0.0)
    aimd.refused(ONCE_IN_SECONDS)
    expected = (DECREASE + RECOVERY_A_SECOND * ONCE_IN_SECONDS) * DECREASE
    assert aimd.factor(ONCE_IN_SECONDS) == pytest.approx(expected)


@given(gaps=st.lists(st.floats(0, 200), max_size=60))
def test_it_never_leaves_its_bounds(gaps: list[float]) -> None:
    aimd, now = AimdRate(Said()), 0.0
    for gap in gaps:
        now += gap
        aimd.refused(now)
        assert FLOOR <= aimd.factor(now) < 1
    assert aimd.factor(now + (1 - FLOOR) / RECOVERY_A_SECOND + 1e-6) == 1


def test_it_recovers_by_the_same_step_every_second() -> None:
    aimd = AimdRate(Said())
    aimd.refused(0.0)
    for second in range(30):
        expected = DECREASE + RECOVERY_A_SECOND * second
        assert aimd.factor(float(second)) == pytest.approx(expected)
    assert aimd.factor(31.0) == 1


def test_an_episode_is_said_once_when_it_begins_and_once_when_it_is_over() -> None:
    said = Said()
    aimd = AimdRate(said)
    for second in range(60):
        aimd.refused(float(second))
        aimd.factor(float(second))
    assert said == ["quota.refused"]
    for second in range(60, 300):
        aimd.factor(float(second))
    assert said == ["quota.refused", "quota.recovered"]
    aimd.refused(300.0)
    assert said[2:] == ["quota.refused"]


@given(asks=st.lists(st.tuples(st.floats(0, 90), st.integers(1, 500)), max_size=50))
def test_what_was_spent_in_the_last_minute_is_known_to_the_second(
    asks: list[tuple[float, int]],
) -> None:
    spent, now = SlidingCounter(), 1000.0
    told = list[tuple[float, int]]()
    for gap, units in asks:
        now += gap
        spent.add(now, units)
        told.append((now, units))
        expected = sum(u for at, u in told if int(now) - int(at) < MINUTE)
        assert spent.in_last_minute(now) == expected
    assert spent.in_last_minute(now + 2 * MINUTE) == 0

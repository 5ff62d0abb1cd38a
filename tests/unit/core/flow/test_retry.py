"""How long to wait and how often to try: every retry has an end."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import (
    CoolDown,
    Corrupt,
    Outage,
    RateLimited,
    SetAside,
    Stop,
    TryAgain,
    Verdict,
)
from services.core.flow.resilience import RetryPolicy, retried
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time

POLICY = RetryPolicy(attempts=3, first_wait=0.5, longest_wait=8.0, patience=60.0)


class Script:
    """Raises what it is given, one a call, then answers. Remembers when it was called."""

    def __init__(self, *failures: Verdict) -> None:
        self._failures = list(failures)
        self.times: list[float] = []

    async def act(self) -> str:
        self.times.append(asyncio.get_running_loop().time())
        if self._failures:
            raise self._failures.pop(0)
        return "done"

    def run(self) -> str:
        async def call(_loop: VirtualLoop) -> str:
            return await retried(POLICY, self.act)

        return in_virtual_time(call)


def again(retry_after: float | None = None) -> TryAgain:
    return TryAgain("shaky", "It failed just now.", retry_after)


def limited(retry_after: float | None = None) -> RateLimited:
    return RateLimited("limited", "Slow down.", retry_after)


def test_what_works_at_once_is_done_once() -> None:
    script = Script()
    assert script.run() == "done"
    assert script.times == [0.0]


def test_a_passing_failure_is_tried_again() -> None:
    script = Script(again(), again())
    assert script.run() == "done"
    assert len(script.times) == 3


def test_after_the_last_attempt_the_other_side_is_at_fault() -> None:
    script = Script(again(), again(), again())
    with pytest.raises(Outage) as caught:
        script.run()
    assert (caught.value.reason, caught.value.message) == ("shaky", "It failed just now.")
    assert len(script.times) == 3


def test_after_the_last_corrupt_answer_the_item_is_at_fault() -> None:
    script = Script(*(Corrupt("content_mismatch", "Wrong bytes.") for _ in range(3)))
    with pytest.raises(SetAside):
        script.run()


def test_who_is_asked_to_stay_away_for_long_does_not_wait_alone() -> None:
    with pytest.raises(CoolDown) as caught:
        Script(again(retry_after=600.0)).run()
    assert caught.value.seconds == 600.0


def test_being_rate_limited_is_not_an_attempt() -> None:
    script = Script(limited(), limited(), limited(), limited(), again())
    assert script.run() == "done"
    assert len(script.times) == 6


def test_waiting_for_a_rate_limit_ends_after_its_patience() -> None:
    script = Script(*(limited(retry_after=25.0) for _ in range(10)))
    with pytest.raises(Outage) as caught:
        script.run()
    assert caught.value.reason == "limited"
    assert script.times[-1] <= POLICY.patience


@pytest.mark.parametrize("verdict", [SetAside("bad", "No."), Stop("gone", "Nothing works.")])
def test_the_other_two_verbs_are_not_tried_again(verdict: Verdict) -> None:
    script = Script(verdict)
    with pytest.raises(type(verdict)):
        script.run()
    assert len(script.times) == 1


def test_retry_after_is_obeyed_and_the_fleet_spread_behind_it() -> None:
    script = Script(again(retry_after=7.0))
    script.run()
    assert 7.0 <= script.times[1] <= 7.0 + POLICY.first_wait


@given(st.integers(min_value=1, max_value=2000))
def test_no_wait_is_longer_than_the_longest(attempt: int) -> None:
    assert 0 <= POLICY.wait(attempt) <= POLICY.longest_wait

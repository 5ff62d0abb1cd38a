"""How long to wait and how often to try: every retry has an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.flow.retry import RetryPolicy, attempted

QUICK = RetryPolicy(attempts=3, first_wait=0.5, longest_wait=8.0, patience=60.0)


class Script:
    """Raises what it is given, one a call, then answers with the attempt's number."""

    def __init__(self, *troubles: Verdict) -> None:
        self.troubles = list(troubles)
        self.attempts: list[int] = []
        self.slept: list[float] = []

    async def act(self, attempt: int) -> str:
        self.attempts.append(attempt)
        if self.troubles:
            raise self.troubles.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def again(retry_after: float | None = None) -> TryAgain:
    return TryAgain("shaky", "It failed just now.", retry_after)


def limited(retry_after: float | None = None) -> RateLimited:
    return RateLimited("limited", "Slow down.", retry_after)


async def test_what_works_at_once_is_done_once() -> None:
    script = Script()
    assert await attempted(QUICK, script.sleep, script.act) == ("done", 1)
    assert script.slept == []


async def test_a_passing_trouble_is_tried_again() -> None:
    script = Script(again(), again())
    assert await attempted(QUICK, script.sleep, script.act) == ("done", 3)
    assert len(script.slept) == 2


async def test_the_last_attempt_sets_the_item_aside_with_its_reason() -> None:
    script = Script(again(), again(), again())
    with pytest.raises(SetAside) as caught:
        await attempted(QUICK, script.sleep, script.act)
    assert (caught.value.reason, caught.value.message) == ("shaky", "It failed just now.")
    assert script.attempts == [1, 2, 3]
    assert len(script.slept) == 2  # nobody waits after giving up


async def test_being_rate_limited_is_not_an_attempt() -> None:
    script = Script(limited(), limited(), limited(), limited(), again())
    assert await attempted(QUICK, script.sleep, script.act) == ("done", 2)
    assert script.attempts == [1, 1, 1, 1, 1, 2]


async def test_waiting_for_a_rate_limit_ends_after_its_patience() -> None:
    script = Script(*(limited(retry_after=25.0) for _ in range(10)))
    with pytest.raises(SetAside) as caught:
        await attempted(QUICK, script.sleep, script.act)
    assert caught.value.reason == "limited"
    assert sum(script.slept) <= QUICK.patience


@pytest.mark.parametrize("verdict", [SetAside("bad", "No."), Stop("gone", "Nothing works.")])
async def test_the_other_two_verbs_are_not_tried_again(verdict: Verdict) -> None:
    script = Script(verdict)
    with pytest.raises(type(verdict)):
        await attempted(QUICK, script.sleep, script.act)
    assert script.attempts == [1]


async def test_retry_after_is_obeyed_and_the_fleet_spread_behind_it() -> None:
    script = Script(again(retry_after=7.0))
    await attempted(QUICK, script.sleep, script.act)
    assert 7.0 <= script.slept[0] <= 7.0 + QUICK.first_wait


@given(st.integers(min_value=1, max_value=2000))
def test_no_wait_is_longer_than_the_longest(attempt: int) -> None:
    assert 0 <= QUICK.wait(attempt) <= QUICK.longest_wait

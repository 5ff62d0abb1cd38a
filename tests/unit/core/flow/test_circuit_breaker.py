"""Nothing can work: everybody waits, one probes, and all go on by themselves."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.core.errors import CoolDown, Outage, SetAside, Stop
from services.core.flow.circuit_breaker import (
    FIRST_WAIT,
    LONGEST_COOL_DOWN,
    LONGEST_WAIT,
    CircuitBreaker,
)
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time

NO_BUCKET = Stop("no_bucket", "There is no bucket.")
OUTAGE = Outage("drive_unavailable", "Google Drive answers 503.")
BLOCKED = CoolDown("automated_queries", "Google takes us for a robot.", 600.0)


class System:
    """Nothing works in it until `works` is set."""

    def __init__(self, why: Stop = NO_BUCKET, *, works: bool = False) -> None:
        self.works = works
        self.why = why
        self.tries: list[float] = []

    async def act(self) -> str:
        self.tries.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        if not self.works:
            raise self.why
        return "done"


class Waits:
    """What the breaker says, wait by wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.reasons: set[str] = set()

    def __call__(self, why: Stop, seconds: float) -> None:
        self.reasons.add(why.reason)
        self.seconds.append(seconds)


def timed(test: Callable[[VirtualLoop], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        in_virtual_time(test)

    run.__name__ = getattr(test, "__name__", "run")
    return run


async def succeed(breaker: CircuitBreaker) -> None:
    await breaker.call(System(works=True).act)


async def succeed_now_and_then(breaker: CircuitBreaker) -> None:
    while True:
        await succeed(breaker)
        await asyncio.sleep(0.5)


@timed
async def test_what_works_is_done_once(loop: VirtualLoop) -> None:
    system = System(works=True)
    assert await CircuitBreaker(Waits()).call(system.act) == "done"
    assert len(system.tries) == 1


@timed
async def test_it_goes_on_by_itself_when_the_system_works_again(loop: VirtualLoop) -> None:
    system, breaker = System(), CircuitBreaker(Waits())
    call = asyncio.create_task(breaker.call(system.act))
    await asyncio.sleep(20)
    waiting = breaker.waiting_for
    assert waiting is not None
    assert waiting.message == "There is no bucket."
    assert waiting.until is not None
    system.works = True
    assert await call == "done"
    assert breaker.waiting_for is None


@timed
async def test_many_items_wait_behind_one_probe(loop: VirtualLoop) -> None:
    waits = Waits()
    system, breaker = System(OUTAGE), CircuitBreaker(waits)
    calls = [asyncio.create_task(breaker.call(system.act)) for _ in range(32)]
    await asyncio.sleep(300)
    assert len(system.tries) <= 32 + len(waits.seconds)  # each once, then one after each wait
    system.works = True
    assert await asyncio.gather(*calls) == ["done"] * 32


@timed
async def test_waits_double_up_to_the_longest_and_start_over_after_a_success(
    loop: VirtualLoop,
) -> None:
    waits = Waits()
    system, breaker = System(), CircuitBreaker(waits)
    call = asyncio.create_task(breaker.call(system.act))
    await asyncio.sleep(200)
    system.works = True
    await call
    assert waits.seconds[:6] == [FIRST_WAIT, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT]
    waits.seconds.clear()
    system.works = False
    call = asyncio.create_task(breaker.call(system.act))
    await asyncio.sleep(1)
    assert waits.seconds == [FIRST_WAIT]
    call.cancel()


@timed
async def test_an_outage_is_waited_out_for_as_long_as_it_takes(loop: VirtualLoop) -> None:
    system, breaker = System(OUTAGE), CircuitBreaker(Waits())
    calls = [asyncio.create_task(breaker.call(system.act)) for _ in range(5)]
    await asyncio.sleep(6 * 3600)
    assert not any(call.done() for call in calls)
    system.works, since = True, loop.time()
    await asyncio.gather(*calls)
    assert loop.time() - since <= LONGEST_WAIT + 1


@timed
async def test_a_cancelled_wait_ends_at_once_wherever_it_stands(loop: VirtualLoop) -> None:
    for why in (NO_BUCKET, OUTAGE, BLOCKED):
        system, breaker = System(why), CircuitBreaker(Waits())
        calls = [asyncio.create_task(breaker.call(system.act)) for _ in range(3)]
        await asyncio.sleep(1)
        assert all(breaker.holds(call) for call in calls)
        since = loop.time()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert loop.time() == since
        assert breaker.waiting_for is None
        assert not any(breaker.holds(call) for call in calls)


@timed
async def test_a_probe_that_takes_long_is_still_a_wait_until_it_succeeds(
    loop: VirtualLoop,
) -> None:
    async def act() -> str:
        await asyncio.sleep(60)
        if loop.time() < 1000:
            raise OUTAGE
        return "done"

    breaker = CircuitBreaker(Waits())
    call = asyncio.create_task(breaker.call(act))
    await asyncio.sleep(61)
    for _ in range(900):
        assert breaker.waiting_for is not None
        await asyncio.sleep(1)
    assert await call == "done"
    assert breaker.waiting_for is None


@timed
async def test_a_newcomer_that_probes_during_a_cool_down_is_a_wait_too(loop: VirtualLoop) -> None:
    async def act() -> str:
        await asyncio.sleep(60)
        if loop.time() < 2000:
            raise BLOCKED
        return "done"

    breaker = CircuitBreaker(Waits())
    first = asyncio.create_task(breaker.call(act))
    await asyncio.sleep(61)
    newcomer = asyncio.create_task(breaker.call(act))
    await asyncio.sleep(1)
    first.cancel()
    for _ in range(1900):
        assert breaker.waiting_for is not None
        await asyncio.sleep(1)
    assert await newcomer == "done"


@timed
async def test_what_goes_on_after_a_success_waits_no_more(loop: VirtualLoop) -> None:
    works = False

    async def act(seconds: float) -> None:
        if not works:
            raise OUTAGE
        await asyncio.sleep(seconds)

    breaker = CircuitBreaker(Waits())
    calls = [asyncio.create_task(breaker.call(lambda s=s: act(s))) for s in (1, 600, 600)]  # type: ignore[misc]
    await asyncio.sleep(20)
    works = True
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(1)
    assert not all(call.done() for call in calls)
    assert breaker.waiting_for is None


@timed
async def test_other_verdicts_go_up_at_once(loop: VirtualLoop) -> None:
    async def act() -> str:
        raise SetAside("not_found", "It is gone.")

    with pytest.raises(SetAside):
        await CircuitBreaker(Waits()).call(act)


@pytest.mark.parametrize("why", [NO_BUCKET, OUTAGE, BLOCKED])
def test_an_item_that_fails_alone_while_others_succeed_is_set_aside(why: Stop) -> None:
    async def test(loop: VirtualLoop) -> None:
        breaker, broken = CircuitBreaker(Waits()), System(why)
        others = asyncio.create_task(succeed_now_and_then(breaker))
        with pytest.raises(SetAside) as caught:
            await breaker.call(broken.act)
        others.cancel()
        assert caught.value.reason == why.reason
        assert len(broken.tries) > 3
        if not isinstance(why, CoolDown):
            assert loop.time() < 60

    in_virtual_time(test)


@timed
async def test_one_success_of_another_does_not_condemn_an_item(loop: VirtualLoop) -> None:
    breaker, system = CircuitBreaker(Waits()), System(OUTAGE)
    call = asyncio.create_task(breaker.call(system.act))
    await asyncio.sleep(3)
    await succeed(breaker)
    await asyncio.sleep(3600)
    assert not call.done()
    system.works = True
    assert await call == "done"


@timed
async def test_an_outage_soon_after_another_is_a_wait_too(loop: VirtualLoop) -> None:
    """Everybody in hand saw a success between them, so all of them look singled out."""
    system, breaker = System(OUTAGE), CircuitBreaker(Waits())
    calls = [asyncio.create_task(breaker.call(system.act)) for _ in range(4)]
    await asyncio.sleep(1)
    await succeed(breaker)
    await asyncio.sleep(10)
    assert breaker.waiting_for is not None
    system.works = True
    assert await asyncio.gather(*calls) == ["done"] * 4


@timed
async def test_the_last_bad_item_ends_when_the_system_answers_a_health_check(
    loop: VirtualLoop,
) -> None:
    async def healthy() -> bool:
        return True

    breaker = CircuitBreaker(Waits(), healthy)
    calls = [asyncio.create_task(breaker.call(System(OUTAGE).act)) for _ in range(3)]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, SetAside) for end in ends)
    assert 60 < loop.time() < 600  # patience with a system that answers, and still an end


@timed
async def test_a_cool_down_lasts_as_long_as_it_says_and_doubles_up_to_an_hour(
    loop: VirtualLoop,
) -> None:
    waits = Waits()
    breaker, system = CircuitBreaker(waits), System(BLOCKED)
    call = asyncio.create_task(breaker.call(system.act))
    await asyncio.sleep(4 * 3600)
    call.cancel()
    assert waits.seconds[:4] == [600.0, 1200.0, 2400.0, LONGEST_COOL_DOWN]


@timed
async def test_during_a_cool_down_newcomers_wait_and_one_probes(loop: VirtualLoop) -> None:
    waits = Waits()
    breaker, system = CircuitBreaker(waits), System(BLOCKED)
    calls = [asyncio.create_task(breaker.call(system.act))]
    await asyncio.sleep(1)
    calls += [asyncio.create_task(breaker.call(system.act)) for _ in range(16)]
    await asyncio.sleep(3 * 3600)
    assert len(system.tries) <= 1 + len(waits.seconds)
    system.works = True
    assert await asyncio.gather(*calls) == ["done"] * 17
    assert breaker.waiting_for is None


@timed
async def test_what_was_admitted_before_a_cool_down_does_not_end_it(loop: VirtualLoop) -> None:
    breaker, going = CircuitBreaker(Waits()), asyncio.Event()

    async def early() -> str:
        await going.wait()
        return "done"

    before = asyncio.create_task(breaker.call(early))
    await asyncio.sleep(0)
    behind = asyncio.create_task(breaker.call(System(BLOCKED).act))
    await asyncio.sleep(1)
    going.set()
    assert await before == "done"
    assert breaker.waiting_for is not None
    assert not behind.done()
    behind.cancel()


@timed
async def test_a_cool_down_of_one_item_alone_does_not_stop_the_others_for_ever(
    loop: VirtualLoop,
) -> None:
    waits = Waits()
    breaker, broken = CircuitBreaker(waits), System(BLOCKED)
    others = asyncio.create_task(succeed_now_and_then(breaker))
    with pytest.raises(SetAside):
        await breaker.call(broken.act)
    others.cancel()
    assert len(waits.seconds) <= 4  # all waited for it a few times, not at every try

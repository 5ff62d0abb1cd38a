"""The limiter, in virtual time: who is let go when, and what becomes of those who give up."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from services.adapters.drive.client import DOWNLOAD, GET, LIST
from services.core.errors import RateLimited
from services.core.flow import quota
from services.core.flow.quota import (
    BURST_SECONDS,
    DECREASE,
    STEP_SECONDS,
    QuotaLimiter,
    QuotaSettings,
)
from services.core.flow.turns import CLAIM, Claim, Rank
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time

WHOLE = {"transfer": 0.88, "lister": 0.10, "preview": 0.02}


def settings(per_minute: int = 325_000, counts_requests: bool = False) -> QuotaSettings:
    return QuotaSettings(per_minute=per_minute, shares=WHOLE, counts_requests=counts_requests)


def silent(_event: str, /, **_fields: object) -> None:
    """Nobody reads the log here."""


@dataclass
class Bench:
    """A limiter, what it is asked for, and when it gave it."""

    loop: VirtualLoop
    limiter: QuotaLimiter
    part: float = 1.0
    granted: list[tuple[float, int, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, loop: VirtualLoop, told: QuotaSettings, kind: str = "transfer") -> "Bench":
        bench: Bench

        def say(event: str, /, **_fields: object) -> None:
            bench.said.append(event)

        limiter = QuotaLimiter(told, kind, lambda: bench.part, say, clock=loop.time)
        bench = cls(loop, limiter)
        return bench

    async def one(self, number: int, units: int) -> None:
        await self.limiter.take(units)
        self.granted.append((self.loop.time(), number, units))

    def ask(self, units: Sequence[int]) -> list[asyncio.Task[None]]:
        """All at once, in this order."""
        return [self.loop.create_task(self.one(n, u)) for n, u in enumerate(units)]

    async def backlog(self, units: int, seconds: float, workers: int = 32) -> None:
        """So many callers who ask again as soon as they were served, for so long."""

        async def asks_on() -> None:
            while True:
                await self.one(0, units)
                await asyncio.sleep(0.05)  # the request itself

        tasks = [self.loop.create_task(asks_on()) for _ in range(workers)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def spent(self, since: float, until: float) -> int:
        return sum(units for at, _, units in self.granted if since <= at < until)


@pytest.mark.parametrize(
    ("kind", "units", "per_minute", "part"),
    [
        ("transfer", DOWNLOAD, 325_000, 1.0),
        ("transfer", DOWNLOAD, 325_000, 3 / 12),
        ("lister", LIST, 325_000, 1.0),
        ("lister", LIST, 325_000, 3 / 12),
        ("lister", GET, 325_000, 1.0),
        ("transfer", DOWNLOAD, 3_000_000, 1.0),
        ("transfer", DOWNLOAD, 30_000, 0.5),
    ],
)
def test_a_backlog_uses_its_share_to_the_last_percent_and_never_more(
    kind: str, units: int, per_minute: int, part: float
) -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings(per_minute), kind)
        bench.part = part
        await bench.backlog(units, 181.0)
        return bench

    bench = in_virtual_time(act)
    share = per_minute * WHOLE[kind] * part
    for minute in range(1, 121):
        used = bench.spent(minute, minute + 60)
        assert used <= share * (1 + BURST_SECONDS / 60) + units
        assert used >= 0.98 * share - units


@given(
    asks=st.lists(
        st.tuples(st.sampled_from([GET, LIST, DOWNLOAD]), st.floats(0, 0.3)),
        min_size=1,
        max_size=40,
    ),
    part=st.integers(1, 12),
)
@hypothesis(max_examples=50)
def test_who_asks_first_is_served_first(asks: list[tuple[int, float]], part: int) -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        bench.part = part / 12
        async with asyncio.TaskGroup() as tasks:
            for number, (units, gap) in enumerate(asks):
                tasks.create_task(bench.one(number, units))
                await asyncio.sleep(gap)
        return bench

    granted = in_virtual_time(act).granted
    assert [number for _, number, _ in granted] == list(range(len(asks)))


@given(
    gaps=st.lists(st.tuples(st.floats(0, 3), st.sampled_from([GET, LIST, DOWNLOAD])), max_size=40),
    parts=st.lists(st.tuples(st.floats(0.1, 5), st.integers(0, 12)), min_size=1, max_size=8),
    per_minute=st.integers(3_000, 1_000_000),
)
@example(gaps=[(1.0, LIST), (3.0, GET)], parts=[(4.0, 1), (1.0, 3)], per_minute=3_000)
# All partitions are gone while nobody waits, and units are still owed.
@example(gaps=[(1.0, LIST), (2.5, GET)], parts=[(2.0, 7), (1.5, 0), (1.0, 8)], per_minute=3_000)
@hypothesis(max_examples=60)
def test_whatever_is_asked_and_however_the_share_changes_it_is_never_exceeded(
    gaps: list[tuple[float, int]], parts: list[tuple[float, int]], per_minute: int
) -> None:
    changes = list[tuple[float, float]]()

    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings(per_minute))

        async def rebalance() -> None:
            for after, partitions in parts:
                bench.part = partitions / 12
                changes.append((loop.time(), bench.part))
                await asyncio.sleep(after)
            bench.part = 1 / 12
            changes.append((loop.time(), bench.part))

        async def asks() -> None:
            async with asyncio.TaskGroup() as tasks:
                for number, (gap, units) in enumerate(gaps):
                    await asyncio.sleep(gap)
                    tasks.create_task(bench.one(number, units))

        await asyncio.gather(rebalance(), asks())
        return bench

    bench = in_virtual_time(act)
    assert len(bench.granted) == len(gaps)
    whole = per_minute * 0.88 / 60
    for first, (since, _, _) in enumerate(bench.granted):
        for last in range(first + 1, len(bench.granted)):
            spent = sum(units for _, _, units in bench.granted[first:last])
            until = bench.granted[last][0]
            # The last one is let go before its units are earned; no more than it.
            assert spent <= whole * (earned(changes, since, until) + BURST_SECONDS) * (1 + 1e-9)


def earned(changes: Sequence[tuple[float, float]], since: float, until: float) -> float:
    """Seconds of the whole share. A change may pass unnoticed for a step, the timer for another."""
    total, at, late = 0.0, since, 2 * STEP_SECONDS
    while at < until:
        end = min(until, at + STEP_SECONDS)
        seen = [part for moment, part in changes if at - late <= moment < end]
        before = [part for moment, part in changes if moment < at - late][-1:]
        total += max(seen + before) * (end - at)
        at = end
    return total


def test_after_an_idle_hour_no_more_than_a_small_burst_is_let_go_at_once() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        await bench.limiter.take(DOWNLOAD)
        await asyncio.sleep(3600)
        await asyncio.gather(*bench.ask([DOWNLOAD] * 60))
        return bench

    granted = in_virtual_time(act).granted
    a_second = 325_000 * 0.88 / 60 / DOWNLOAD
    at_once = [at for at, _, _ in granted if at - granted[0][0] < 0.001]
    assert 1 <= len(at_once) <= a_second * BURST_SECONDS + 1


def test_the_bursts_of_all_workers_fit_what_previews_leave_unused() -> None:
    for per_minute in (325_000, 12_000_000):
        assert per_minute / 60 * BURST_SECONDS < per_minute * WHOLE["preview"]


def test_from_the_start_requests_are_evenly_spaced() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        await asyncio.gather(*bench.ask([DOWNLOAD] * 100))
        return bench

    times = [at for at, _, _ in in_virtual_time(act).granted]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    spacing = DOWNLOAD / (325_000 * 0.88 / 60)
    assert max(gaps) < spacing + 2 * quota.TICK_SECONDS
    assert min(gaps) > spacing - 2 * quota.TICK_SECONDS


def test_a_worker_without_partitions_spends_nothing_until_it_has_some() -> None:
    async def act(loop: VirtualLoop) -> None:
        bench = Bench.of(loop, settings())
        bench.part = 0.0
        bench.ask([DOWNLOAD] * 3)
        await asyncio.sleep(600)
        assert bench.granted == []
        assert bench.limiter.state().limit == 0
        bench.part = 0.5
        await asyncio.sleep(STEP_SECONDS + 0.01)
        assert bench.granted
        await asyncio.sleep(1)
        assert len(bench.granted) == 3

    in_virtual_time(act)


def test_nobody_slips_in_before_those_who_wait() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        bench.ask([DOWNLOAD] * 3)
        await asyncio.sleep(0)
        loop.pass_by(10.0)  # the timer is late: by now everybody could be let go
        await bench.one(3, GET)
        return bench

    granted = in_virtual_time(act).granted
    assert [number for _, number, _ in granted] == [0, 1, 2, 3]


def test_a_share_that_grows_or_shrinks_is_followed_within_a_step() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        bench.part = 0.25
        pressing = loop.create_task(bench.backlog(DOWNLOAD, 180.0))
        await asyncio.sleep(60)
        bench.part = 1.0
        await asyncio.sleep(60)
        bench.part = 0.5
        await pressing
        return bench

    bench = in_virtual_time(act)
    whole = 325_000 * 0.88
    for since, part in ((1, 0.25), (61, 1.0), (121, 0.5)):
        assert bench.spent(since, since + 58) == pytest.approx(whole * part * 58 / 60, rel=0.02)


def test_whoever_gives_up_has_spent_nothing_and_holds_nobody_up() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        tasks = bench.ask([DOWNLOAD] * 50)
        await asyncio.sleep(0)
        for task in tasks[10:40]:
            task.cancel()
        await asyncio.sleep(0)
        assert bench.limiter.state().waiting == 19  # the first had gone at once
        await asyncio.gather(*tasks, return_exceptions=True)
        assert bench.limiter.state().waiting == 0
        return bench

    bench = in_virtual_time(act)
    assert [number for _, number, _ in bench.granted] == [*range(10), *range(40, 50)]
    assert bench.granted[-1][0] < 20 * DOWNLOAD / (325_000 * 0.88 / 60)


def test_what_was_granted_in_the_moment_of_giving_up_is_given_back() -> None:
    async def act(loop: VirtualLoop) -> None:
        bench = Bench.of(loop, settings(60_000))
        await bench.limiter.take(DOWNLOAD)
        due = DOWNLOAD / (60_000 * 0.88 / 60)
        [waits] = bench.ask([DOWNLOAD])
        await asyncio.sleep(0)
        assert bench.limiter.holds(waits)
        # Right after the limiter's own timer, in the same round of the loop: granted, not yet run.
        loop.call_later(due + 2 * quota.TICK_SECONDS, waits.cancel)
        loop.pass_by(due + 2 * quota.TICK_SECONDS)
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert bench.limiter.state().used == DOWNLOAD
        before = loop.time()
        await bench.limiter.take(DOWNLOAD)
        assert loop.time() - before < 0.01

    in_virtual_time(act)


@given(cancelled=st.sets(st.integers(0, 29)), part=st.integers(1, 12))
@hypothesis(max_examples=40)
def test_whoever_gives_up_the_others_keep_their_order(cancelled: set[int], part: int) -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        bench.part = part / 12
        tasks = bench.ask([DOWNLOAD] * 30)
        for number, task in enumerate(tasks):
            if number in cancelled:
                loop.call_later(0.01 * number, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        return bench

    bench = in_virtual_time(act)
    numbers = [number for _, number, _ in bench.granted]
    assert numbers == sorted(numbers)
    assert set(range(30)) - set(numbers) <= cancelled
    assert bench.limiter.state().used == len(numbers) * DOWNLOAD


def test_refusals_slow_it_down_and_it_recovers() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings())
        pressing = loop.create_task(bench.backlog(DOWNLOAD, 180.0))
        await asyncio.sleep(30)
        for _ in range(20):
            bench.limiter.refused()
        state = bench.limiter.state()
        assert (state.refused, state.limit) == (20, 286_000)
        assert state.allowed == round(286_000 * DECREASE)
        assert state.waiting > 0
        await pressing
        assert bench.limiter.state().allowed == 286_000
        return bench

    bench = in_virtual_time(act)
    whole = 325_000 * 0.88 / 60
    assert bench.spent(30, 32) == pytest.approx(whole * 2 * DECREASE, rel=0.1)
    assert bench.spent(100, 160) == pytest.approx(whole * 60, rel=0.02)
    assert bench.said == ["quota.refused", "quota.recovered"]


def test_without_a_limit_nobody_waits_and_what_is_spent_is_still_known() -> None:
    async def act(loop: VirtualLoop) -> None:
        bench = Bench.of(loop, settings(0))
        bench.part = 0.0
        for _ in range(1000):
            await bench.limiter.take(DOWNLOAD)
        bench.limiter.refused()
        assert loop.time() == 0
        state = bench.limiter.state()
        assert (state.used, state.limit, state.allowed) == (1000 * DOWNLOAD, None, None)
        assert state.refused == 1

    in_virtual_time(act)


def test_an_older_project_pays_one_for_every_request() -> None:
    async def act(loop: VirtualLoop) -> Bench:
        bench = Bench.of(loop, settings(12_000, counts_requests=True))
        await asyncio.gather(*bench.ask([DOWNLOAD, LIST, GET] * 20))
        assert bench.limiter.state().used == 60
        return bench

    last, _, _ = in_virtual_time(act).granted[-1]
    assert last == pytest.approx(59 / (12_000 * 0.88 / 60), rel=0.05)


def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "MOST_WAITING", 5)

    async def act(loop: VirtualLoop) -> None:
        bench = Bench.of(loop, settings())
        tasks = bench.ask([DOWNLOAD] * 10)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(each, RateLimited) for each in ended) == 4
        assert len(bench.granted) == 6

    in_virtual_time(act)


def test_many_cheap_requests_take_few_timers() -> None:
    async def act(loop: VirtualLoop) -> float:
        limiter = QuotaLimiter(
            settings(60_000_000), "transfer", lambda: 1.0, silent, clock=loop.time
        )
        moments = set[float]()

        async def one() -> None:
            await limiter.take(GET)
            moments.add(loop.time())

        await asyncio.gather(*(one() for _ in range(4000)))
        return len(moments)

    # 880,000 units a second are 176,000 of the smallest requests: some hundred per timer.
    assert in_virtual_time(act) < 40


def test_it_tells_who_waits() -> None:
    async def act(loop: VirtualLoop) -> None:
        bench = Bench.of(loop, settings())
        bench.part = 0.0
        [task] = bench.ask([DOWNLOAD])
        await asyncio.sleep(1)
        assert bench.limiter.holds(task)
        task.cancel()
        await asyncio.sleep(0)
        assert not bench.limiter.holds(task)
        assert bench.limiter.state().waiting == 0

    in_virtual_time(act)


def test_a_small_import_goes_before_what_waits_already() -> None:
    """Else it would wait for all that a large one has in hand."""

    async def course(loop: VirtualLoop) -> list[str]:
        limiter = Bench.of(loop, settings()).limiter
        order: list[str] = []

        async def take(claim: Claim) -> None:
            CLAIM.set(claim)
            await limiter.take(DOWNLOAD)
            order.append(claim.owner)

        claims = [Claim("large", Rank.NORMAL)] * 60 + [Claim("small", Rank.FIRST)] * 10
        tasks = [loop.create_task(take(claim)) for claim in claims]
        await asyncio.gather(*tasks)
        return order

    order = in_virtual_time(course)
    burst = order.index("small")
    assert burst <= 8
    last = len(order) - order[::-1].index("small")
    assert last <= burst + 12
    assert order.count("large") == 60


def test_who_gives_up_in_the_queue_is_forgotten() -> None:
    async def course(loop: VirtualLoop) -> int:
        limiter = Bench.of(loop, settings(per_minute=600)).limiter
        tasks = [loop.create_task(limiter.take(DOWNLOAD)) for _ in range(5)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return limiter.state().waiting

    assert in_virtual_time(course) == 0

"""A slow line is slow, never a failure: in virtual time, on lines that are shared fairly."""

import asyncio
from dataclasses import dataclass, field

import pytest

from services.core.errors import TryAgain
from services.core.flow.line import LEAST_WINDOW, Line, LineSpec, shown_rate
from tests.fakes.virtual_time import now, virtual_time

MB = 1_000_000
STILL = ("store_unreachable", "The object store did not answer.")
LAGGING = ("download_too_slow", "Others are far quicker.")
SPEC = LineSpec(name="to the store", limits="store_line", still=STILL)


@dataclass
class SharedWire:
    """Carries `rate` bytes a second in all, in equal shares; what is unfinished is broken off."""

    rate: float
    most_at_once: int = 0
    sent: int = 0
    longest: float = 0.0
    _open: int = field(default=0, init=False)

    async def send(self, size: int, step: float = 0.1) -> None:
        left, since = float(size), now()
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            while left > 0:
                await asyncio.sleep(step)
                left -= step * self.rate / self._open
            self.sent += 1
            self.longest = max(self.longest, now() - since)
        finally:
            self._open -= 1


async def send_all(line: Line, wire: SharedWire, sizes: list[int], at_once: int = 32) -> int:
    """Send them as a worker does; how many tries that took."""
    slots, tries = asyncio.Semaphore(at_once), 0

    async def one(size: int) -> None:
        nonlocal tries
        async with slots:
            while True:
                tries += 1
                try:
                    async with line.carrying(size):
                        await wire.send(size)
                        return
                except TryAgain:
                    await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as files:
        for size in sizes:
            files.create_task(one(size))
    return tries


@pytest.mark.parametrize(
    ("files", "size", "rate"),
    [
        (64, 5 * MB, 1.25 * MB),
        (36, 2 * MB, 0.25 * MB),
        (40, 3 * MB, 1.0 * MB),
        (12, 5 * MB, 0.064 * MB),
        (500, 100_000, 0.064 * MB),
        (300, 8 * MB, 100.0 * MB),
    ],
)
@virtual_time
async def test_all_arrive_at_the_first_try_in_little_more_time_than_the_line_needs(
    files: int, size: int, rate: float
) -> None:
    line, wire = Line(SPEC), SharedWire(rate)
    assert await send_all(line, wire, [size] * files) == files
    needed = files * size / rate
    assert needed - 0.01 <= now() <= needed * 1.1 + 0.2 * files
    assert line.rate == pytest.approx(rate, rel=0.15)


@virtual_time
async def test_over_a_line_slower_than_expected_all_arrive_in_the_end() -> None:
    line, wire = Line(SPEC), SharedWire(0.008 * MB)
    assert await send_all(line, wire, [5 * MB] * 5) <= 5 * 3
    assert wire.sent == 5


@virtual_time
async def test_on_a_slow_line_fewer_go_at_once_so_that_each_takes_seconds() -> None:
    line, wire = Line(SPEC), SharedWire(1.25 * MB)
    await send_all(line, wire, [5 * MB] * 64)
    assert wire.most_at_once <= 5
    assert wire.longest < 30


@virtual_time
async def test_on_a_fast_line_nobody_waits_for_long() -> None:
    line, wire = Line(SPEC), SharedWire(100 * MB)
    await send_all(line, wire, [5 * MB] * 100)
    assert wire.most_at_once == 32


@virtual_time
async def test_a_line_that_becomes_slow_in_the_middle_breaks_nothing_for_good() -> None:
    line, wire = Line(SPEC), SharedWire(50 * MB)
    await send_all(line, wire, [5 * MB] * 100)
    wire.rate = 0.25 * MB
    tries = await send_all(line, wire, [5 * MB] * 60)
    assert wire.sent == 160
    assert tries <= 60 + 32  # those that went at once when it happened
    wire.rate, wire.most_at_once = 50 * MB, 0
    await send_all(line, wire, [5 * MB] * 200)
    assert wire.most_at_once == 32


@virtual_time
async def test_small_requests_that_take_long_each_are_no_matter_of_the_line() -> None:
    """A server with a latency of 30 s: fewer at once would only be slower."""
    line = Line(SPEC)

    async def one() -> None:
        async with line.carrying(10_000):
            await asyncio.sleep(30)

    async with asyncio.TaskGroup() as requests:
        for _ in range(32):
            requests.create_task(one())
    assert now() == 30
    assert line.window >= LEAST_WINDOW


@virtual_time
async def test_a_line_that_stands_still_is_given_up_by_all_at_once() -> None:
    line, found = Line(SPEC), list[float]()

    async def hang() -> None:
        with pytest.raises(TryAgain) as caught:
            async with line.carrying(1000):
                await asyncio.Event().wait()
        assert (caught.value.reason, caught.value.message) == STILL
        found.append(now())

    await asyncio.gather(*(hang() for _ in range(20)))
    assert 60 <= min(found) == max(found) < 65
    await hang()
    assert 120 <= now() - found[0] < 135  # with more patience, in case the line is very slow
    async with line.carrying(1000):
        pass
    since = now()
    await hang()
    assert now() - since < 65


@virtual_time
async def test_one_that_gets_no_answer_is_given_up_when_nothing_else_moves() -> None:
    line = Line(SPEC)

    async def hang() -> None:
        with pytest.raises(TryAgain):
            async with line.carrying(1000):
                await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    for _ in range(100):
        async with line.carrying(1000):
            await asyncio.sleep(10)
    assert not hanging.done()
    await hanging
    assert now() == pytest.approx(1060, abs=5)


@virtual_time
async def test_a_stream_goes_on_as_long_as_its_bytes_pass() -> None:
    line = Line(SPEC)
    async with line.carrying(10 * MB) as passage:
        for _ in range(1000):
            await asyncio.sleep(50)
            passage.move(1000)
    assert now() == 50_000


@virtual_time
async def test_what_a_stream_hands_over_counts_once_it_is_sent() -> None:
    line = Line(SPEC)
    async with line.carrying(10 * MB) as passage:
        for _ in range(10):
            passage.move(MB)  # at once, into a buffer
        for _ in range(20):
            await asyncio.sleep(1)
            passage.move(MB)
            assert line.rate == pytest.approx(MB, rel=0.01)
        await asyncio.sleep(10)
    assert line.rate == pytest.approx(MB, rel=0.01)


@virtual_time
async def test_without_such_a_limit_another_watches_the_line() -> None:
    async with Line(LineSpec(name="from Drive", limits="drive_line")).carrying(1000):
        await asyncio.sleep(86_400)


@virtual_time
async def test_who_lags_far_behind_the_others_starts_again() -> None:
    line = Line(LineSpec(name="from Drive", limits="drive_line", lagging=LAGGING))

    async def quick() -> None:
        while True:
            async with line.carrying(100_000) as passage:
                await asyncio.sleep(0.1)
                passage.move(100_000)

    async def drip() -> None:
        async with line.carrying(MB) as passage:
            while True:
                await asyncio.sleep(1)
                passage.move(1000)

    others = asyncio.create_task(quick())
    with pytest.raises(TryAgain) as caught:
        await drip()
    assert (caught.value.reason, caught.value.message) == LAGGING
    assert 60 < now() < 62
    others.cancel()


@virtual_time
async def test_nobody_lags_where_all_are_slow() -> None:
    line = Line(LineSpec(name="from Drive", limits="drive_line", lagging=LAGGING))

    async def drip() -> None:
        async with line.carrying(30_000) as passage:
            for _ in range(300):
                await asyncio.sleep(1)
                passage.move(100)

    await asyncio.gather(*(drip() for _ in range(20)))


@virtual_time
async def test_it_says_what_it_carries_while_transfers_wait_for_it() -> None:
    line, wire = Line(SPEC), SharedWire(1.2 * MB)
    assert line.limit is None
    sending = asyncio.create_task(send_all(line, wire, [5 * MB] * 20))
    await asyncio.sleep(40)
    limit = line.limit
    assert limit is not None
    assert limit.reason == "store_line"
    assert limit.message == "The line to the store carries 1.2 MB/s."
    for _ in range(20):  # and it does not jump about as files end in bursts
        await asyncio.sleep(1)
        assert line.rate == pytest.approx(1.2 * MB, rel=0.1)
    await sending
    assert line.limit is None


@virtual_time
async def test_a_cancelled_transfer_gives_its_turn_back() -> None:
    line = Line(SPEC)

    async def one(size: int) -> None:
        async with line.carrying(size):
            await asyncio.sleep(1)

    first = asyncio.create_task(one(10 * MB))
    second, third = asyncio.create_task(one(10 * MB)), asyncio.create_task(one(1))
    await asyncio.sleep(0.5)
    second.cancel()
    first.cancel()
    await third
    assert (now(), line.in_flight) == (1.5, 0)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (1_234_567, "1.2 MB/s"),
        (250_000, "250 kB/s"),
        (999_499, "999 kB/s"),
        (999_500, "1.0 MB/s"),
        (12, "12 B/s"),
    ],
)
def test_a_rate_is_shown_in_the_unit_that_fits(rate: float, shown: str) -> None:
    assert shown_rate(rate) == shown

"""Each outside system is retried and waited for by itself."""

import asyncio
import gc
import weakref

import pytest

from services.core.errors import SetAside, Stop, TryAgain, Verdict
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.resilience import Resilience, RetryPolicy
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time


def resilience(system: str) -> Resilience:
    return Resilience(system, RetryPolicy(), CircuitBreaker(lambda _why, _seconds: None))


def of(system: str, why: Verdict) -> Verdict:
    why.system = system
    return why


def test_a_short_outage_with_an_answer_fails_nothing() -> None:
    """Drive answering 503 for eight seconds, with a thousand files in flight."""

    async def test(loop: VirtualLoop) -> None:
        drive = resilience("drive")

        async def download() -> str:
            await asyncio.sleep(0.02)
            if 3.0 <= loop.time() < 11.0:
                raise TryAgain("drive_unavailable", "Google Drive answers 503.")
            return "bytes"

        slots = asyncio.Semaphore(32)

        async def one(_n: int) -> str:
            async with slots:
                await asyncio.sleep(0.1)
                return await drive.call(download)

        assert await asyncio.gather(*map(one, range(1000))) == ["bytes"] * 1000
        assert loop.time() < 30

    in_virtual_time(test)


def test_a_verdict_of_another_system_passes_through_both_ways() -> None:
    async def test(_loop: VirtualLoop) -> None:
        drive, store = resilience("drive"), resilience("store")
        failures = [
            of("drive", TryAgain("drive_unavailable", "503")),
            of("store", TryAgain("store_unavailable", "503")),
            of("store", Stop("store_full", "full")),
            of("drive", Stop("key_refused", "no")),
        ]
        tries = 0

        async def copy() -> str:
            nonlocal tries
            tries += 1
            if failures:
                raise failures.pop(0)
            return "copied"

        assert await drive.call(lambda: store.call(copy)) == "copied"
        assert tries == 5

    in_virtual_time(test)


def test_an_outage_of_the_store_is_no_evidence_for_or_against_drive() -> None:
    async def test(_loop: VirtualLoop) -> None:
        drive, store = resilience("drive"), resilience("store")

        async def works() -> None:
            await asyncio.sleep(0.1)

        async def full() -> None:
            raise of("store", TryAgain("store_unavailable", "503"))

        async def downloads() -> None:
            while True:
                await drive.call(works)

        busy = asyncio.create_task(downloads())
        put = asyncio.create_task(drive.call(lambda: store.call(full)))
        await asyncio.sleep(600)
        assert not put.done()  # set aside only if others were stored meanwhile
        assert drive.breaker.waiting_for is None
        assert store.breaker.waiting_for is not None
        put.cancel()
        busy.cancel()

    in_virtual_time(test)


def test_what_is_the_items_own_fault_goes_up_at_once() -> None:
    async def test(_loop: VirtualLoop) -> None:
        async def gone() -> None:
            raise SetAside("not_found", "It is gone.")

        with pytest.raises(SetAside):
            await resilience("drive").call(gone)

    in_virtual_time(test)


def test_what_a_failed_call_had_in_hand_is_free_while_the_next_is_waited_for() -> None:
    """A transfer kept 4 MB of each upload that failed, until garbage was collected."""

    class Piece:
        """Of a file."""

    async def test(_loop: VirtualLoop) -> None:
        pieces: list[weakref.ref[Piece]] = []

        async def send(piece: Piece) -> None:
            error: BaseException | None = None  # which a future holds, in earnest
            try:
                raise OSError(str(piece))
            except OSError as why:
                error = why
                raise TryAgain("store_unavailable", "503") from error

        async def copy() -> str:
            if len(pieces) == 2:
                assert [each() for each in pieces] == [None, None]
                return "copied"
            piece = Piece()
            pieces.append(weakref.ref(piece))
            await send(piece)
            return "never"

        store = resilience("store")
        assert await resilience("drive").call(lambda: store.call(copy)) == "copied"

    gc.disable()
    try:
        in_virtual_time(test)
    finally:
        gc.enable()

"""Reports come from a thread in handfuls: the loop is woken once for each, and none is waited for
for ever."""

import asyncio
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError

from services.adapters.kafka.reports import Awaited, Reports
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time, now, virtual_time

TIMEOUT = 62.0


async def acknowledged(awaited: Awaited) -> None:
    with awaited:
        await awaited.acknowledged


@virtual_time
async def test_a_publish_ends_with_its_last_report() -> None:
    reports = Reports(TIMEOUT)
    awaited = reports.awaited(2)
    publishing = asyncio.create_task(acknowledged(awaited))
    awaited.report(None, None)
    reports.hand_over()
    await asyncio.sleep(1)
    assert not publishing.done()
    awaited.report(None, None)
    reports.hand_over()
    await publishing
    assert awaited.error is None


@virtual_time
async def test_the_first_error_of_a_publish_is_kept() -> None:
    reports = Reports(TIMEOUT)
    awaited = reports.awaited(3)
    first, second = KafkaError(KafkaError._MSG_TIMED_OUT), KafkaError(KafkaError._FAIL)
    for error in (None, first, second):
        awaited.report(error, None)
    reports.hand_over()
    await acknowledged(awaited)
    assert awaited.error is first


def test_the_loop_is_woken_once_for_all_reports_of_a_poll() -> None:
    woken = 0

    async def act(loop: VirtualLoop) -> None:
        call: Callable[..., asyncio.Handle] = loop.call_soon_threadsafe

        def counted(*what: object, **how: object) -> asyncio.Handle:
            nonlocal woken
            woken += 1
            return call(*what, **how)

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]
        reports = Reports(TIMEOUT)
        many = [reports.awaited(1) for _ in range(100)]
        for awaited in reversed(many):
            awaited.report(None, None)
        reports.hand_over()
        await asyncio.gather(*map(acknowledged, many))

    in_virtual_time(act)
    assert woken == 1


@virtual_time
async def test_whoever_is_never_told_is_told_so_in_time_and_nobody_else() -> None:
    reports = Reports(TIMEOUT)
    lost = reports.awaited(1)
    await asyncio.sleep(10)
    lost_too, told = reports.awaited(1), reports.awaited(1)
    told.report(None, None)
    reports.hand_over()
    await acknowledged(told)
    with pytest.raises(TimeoutError):
        await acknowledged(lost)
    assert now() == TIMEOUT
    lost_too.raise_if_late()
    with pytest.raises(TimeoutError):
        await acknowledged(lost_too)
    assert now() == TIMEOUT + 10
    with pytest.raises(TimeoutError):
        lost_too.raise_if_late()


@virtual_time
async def test_a_publish_that_was_cancelled_is_forgotten() -> None:
    reports = Reports(TIMEOUT)
    awaited = reports.awaited(1)
    publishing = asyncio.create_task(acknowledged(awaited))
    await asyncio.sleep(1)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    awaited.report(None, None)
    reports.hand_over()
    next_one = reports.awaited(1)
    next_one.report(None, None)
    reports.hand_over()
    await acknowledged(next_one)
    await asyncio.sleep(2 * TIMEOUT)  # the timer finds nobody, and is not set again

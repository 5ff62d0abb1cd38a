"""A service as a process: what signals, errors and settings make of it."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from services.adapters.process import alongside, run_service, unless, until_stopped, worker_id
from services.core.settings import Reader, SettingsError


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A service configures its process's logs; the process is pytest's here."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def read(reader: Reader) -> str:
    return reader.text("NEEDED") + reader.text("ALSO_NEEDED")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_work_in_hand_finish(number: signal.Signals) -> None:
    finished = False

    async def serve(stop: asyncio.Event) -> None:
        nonlocal finished
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), number)
        await stop.wait()
        await asyncio.sleep(0.01)
        finished = True

    await asyncio.wait_for(until_stopped(serve), 10)
    assert finished


async def test_work_that_does_not_finish_in_time_is_left() -> None:
    cancelled = False

    async def serve(stop: asyncio.Event) -> None:
        nonlocal cancelled
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled = True
            raise

    with capture_logs() as lines:
        await asyncio.wait_for(until_stopped(serve, drain_seconds=0.02), 10)
    assert cancelled
    assert "process.unfinished_work_left" in [line["event"] for line in lines]


async def test_an_error_goes_up_and_the_signals_are_given_back() -> None:
    async def serve(_stop: asyncio.Event) -> None:
        raise LookupError("unforeseen")

    with pytest.raises(LookupError):
        await until_stopped(serve)
    assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_waiting_ends_with_the_stop() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    assert not await asyncio.wait_for(unless(stop, asyncio.sleep(60)), 10)


async def test_what_comes_before_the_stop_is_told_from_it() -> None:
    assert await unless(asyncio.Event(), asyncio.sleep(0))


async def test_an_error_while_waiting_is_not_lost() -> None:
    async def broken() -> None:
        raise LookupError("unforeseen")

    with pytest.raises(LookupError):
        await unless(asyncio.Event(), broken())


async def test_company_ends_with_the_work() -> None:
    ended = []

    async def company() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("company")

    await asyncio.wait_for(alongside(asyncio.sleep(0.01), company()), 10)
    assert ended == ["company"]


async def test_company_that_fails_ends_the_work() -> None:
    async def company() -> None:
        raise LookupError("no broker")

    with pytest.raises(LookupError):
        await asyncio.wait_for(alongside(asyncio.sleep(60), company()), 10)


def test_faults_of_the_settings_are_told_together_with_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def serve(_settings: str, _stop: asyncio.Event) -> None:
        raise AssertionError

    assert run_service("transfer", {}, read, serve) == 2
    said = capsys.readouterr().err
    assert "NEEDED is not set." in said
    assert "ALSO_NEEDED is not set." in said


@pytest.mark.parametrize(("error", "code"), [(None, 0), (LookupError("unforeseen"), 1)])
def test_the_exit_code_tells_an_end_from_an_error(
    error: Exception | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(settings: str, _stop: asyncio.Event) -> None:
        assert settings == "ab"
        if error is not None:
            raise error

    assert run_service("transfer", {"NEEDED": "a", "ALSO_NEEDED": "b"}, read, serve) == code
    assert ("LookupError" in capsys.readouterr().err) == (error is not None)


def test_the_workers_id_tells_two_processes_apart() -> None:
    assert worker_id("transfer").startswith("transfer@")
    assert worker_id("transfer").endswith(str(os.getpid()))


def test_what_only_an_adapter_can_read_is_a_fault_of_the_settings_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def serve(_settings: str, _stop: asyncio.Event) -> None:
        raise SettingsError("NEEDED names a file that is none.")

    env = {"NEEDED": "a", "ALSO_NEEDED": "b"}
    assert run_service("test", env, read, serve) == 2
    assert "NEEDED names a file that is none." in capsys.readouterr().err

"""A service as a process: what it does on signals, errors and bad settings."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from services.adapters import process
from services.adapters.process import (
    StopLimits,
    run_service,
    run_until,
    run_with_background,
    until_stopped,
    worker_status,
)
from services.core.errors import Stop
from services.core.settings import Reader, SettingsError


def read(reader: Reader) -> str:
    return reader.text("NEEDED") + reader.text("ALSO_NEEDED")


@pytest.fixture(autouse=True)
def this_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the handles of all tests that follow would be kept."""
    monkeypatch.setattr(process, "keep_all", lambda: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_work_in_hand_finish(number: signal.Signals) -> None:
    finished = False

    async def serve(stop: asyncio.Event) -> None:
        nonlocal finished
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), number)
        await stop.wait()
        await asyncio.sleep(0.01)
        finished = True

    await asyncio.wait_for(until_stopped(serve), 60)
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
        await asyncio.wait_for(until_stopped(serve, StopLimits(finish=0.02)), 60)
    assert cancelled
    assert "process.unfinished_work_left" in [line["event"] for line in lines]


def test_a_task_that_does_not_obey_is_left_to_the_end_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "configure_logs", lambda _name: None)
    set_free = asyncio.Event()
    left: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def serve(_settings: str, _stop: asyncio.Event) -> None:
        task = asyncio.current_task()
        assert task is not None
        left.append((asyncio.get_running_loop(), task))
        os.kill(os.getpid(), signal.SIGTERM)
        while not set_free.is_set():
            with suppress(asyncio.CancelledError):
                await set_free.wait()

    limits = StopLimits(finish=0.02, clean_up=0.02)
    assert run_service("transfer", {"NEEDED": "a", "ALSO_NEEDED": "b"}, read, serve, limits) == 0
    [(loop, task)] = left
    assert not task.done()
    set_free.set()
    loop.run_until_complete(task)
    loop.close()


async def test_an_error_goes_up_and_the_signals_are_given_back() -> None:
    async def serve(_stop: asyncio.Event) -> None:
        raise LookupError("unforeseen")

    with pytest.raises(LookupError):
        await until_stopped(serve)
    assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_a_wait_ends_when_the_stop_comes() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    assert not await asyncio.wait_for(run_until(stop, asyncio.sleep(60)), 60)


async def test_work_that_ends_before_the_stop_is_told_from_a_stop() -> None:
    assert await run_until(asyncio.Event(), asyncio.sleep(0))


async def test_an_error_during_a_wait_goes_up() -> None:
    async def broken() -> None:
        raise LookupError("unforeseen")

    with pytest.raises(LookupError):
        await run_until(asyncio.Event(), broken())


async def test_background_tasks_end_with_the_work() -> None:
    ended = []

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("background")

    await asyncio.wait_for(run_with_background(asyncio.sleep(0.01), background()), 60)
    assert ended == ["background"]


async def test_a_background_task_that_fails_ends_the_work() -> None:
    async def background() -> None:
        raise LookupError("no broker")

    with pytest.raises(LookupError):
        await asyncio.wait_for(run_with_background(asyncio.sleep(60), background()), 60)


def test_all_faults_of_the_settings_are_printed_and_the_exit_code_is_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def serve(_settings: str, _stop: asyncio.Event) -> None:
        raise AssertionError

    assert run_service("transfer", {}, read, serve) == 2
    said = capsys.readouterr().err
    assert "NEEDED is not set." in said
    assert "ALSO_NEEDED is not set." in said


@pytest.mark.parametrize(("error", "code"), [(None, 0), (LookupError("unforeseen"), 1)])
def test_the_exit_code_tells_a_requested_end_from_an_error(
    error: Exception | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(settings: str, _stop: asyncio.Event) -> None:
        assert settings == "ab"
        if error is not None:
            raise error

    assert run_service("transfer", {"NEEDED": "a", "ALSO_NEEDED": "b"}, read, serve) == code
    assert ("LookupError" in capsys.readouterr().err) == (error is not None)


def test_a_stop_that_nobody_can_wait_out_is_logged_in_words_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def serve(_settings: str, _stop: asyncio.Event) -> None:
        raise Stop("cannot_listen", "METRICS_PORT: the port is taken.")

    assert run_service("transfer", {"NEEDED": "a", "ALSO_NEEDED": "b"}, read, serve) == 1
    said = capsys.readouterr().err
    assert "METRICS_PORT: the port is taken." in said
    assert "Traceback" not in said


def test_the_workers_id_tells_two_processes_apart() -> None:
    worker_id = worker_status("transfer", None).worker_id
    assert worker_id.startswith("transfer@")
    assert worker_id.endswith(str(os.getpid()))


def test_a_setting_that_only_an_adapter_can_check_counts_as_bad_settings_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def serve(_settings: str, _stop: asyncio.Event) -> None:
        raise SettingsError("NEEDED names a file that is none.")

    env = {"NEEDED": "a", "ALSO_NEEDED": "b"}
    assert run_service("test", env, read, serve) == 2
    assert "NEEDED names a file that is none." in capsys.readouterr().err

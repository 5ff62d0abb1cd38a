"""Commands that run a service here to its end, such as `setup`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.commands.on_servers import run_service
from local.paths import CHECKOUT
from tests.integration.local.test_processes import eventually

NOWHERE = {
    "DATA_DIR": "/nowhere",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "DATABASE_URL": "postgresql://me@127.0.0.1:1/db",
}


@contextmanager
def setting_up(messages: Path, until: str = "Waiting for") -> Iterator[subprocess.Popen[bytes]]:
    """A `setup` that has said this; it waits, since no server is there."""
    with messages.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", "local", "setup"],
            env={**os.environ, **NOWHERE},
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        assert eventually(lambda: until in messages.read_text() and bool(children(child.pid)))
        yield child
    finally:
        child.kill()
        child.wait()


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_ends_the_service_too(
    tmp_path: Path, number: signal.Signals
) -> None:
    messages = tmp_path / "messages"
    with setting_up(messages) as command:
        [service] = children(command.pid)
        command.send_signal(number)
        assert command.wait(60) == 130
        assert eventually(lambda: not runs(service))
    assert "Traceback" not in messages.read_text()


def test_ctrl_c_while_the_service_starts_is_one_sentence(tmp_path: Path) -> None:
    messages = tmp_path / "messages"
    with setting_up(messages, until="") as command:
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does, to both
        assert command.wait(60) == 130
    # However far the service has come meanwhile.
    said = [line for line in messages.read_text().splitlines() if "Waiting for" not in line]
    assert said == ["Interrupted."]


def test_ctrl_c_while_the_service_is_forked_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_service("setup", {**os.environ, **NOWHERE})
    assert [child.returncode is not None for child in started] == [True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_what_ends_the_service_is_the_exit_code(tmp_path: Path) -> None:
    with setting_up(tmp_path / "messages") as command:
        [service] = children(command.pid)
        os.kill(service, signal.SIGKILL)
        assert command.wait(60) == 1


def test_a_rebuild_without_a_database_is_one_object_and_the_code_of_what_cannot_start() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "local", "rebuild-index", "--json"],
        env={**os.environ, **NOWHERE},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 3
    document = json.loads(refused.stdout)
    assert document["state"] == "error"
    assert "PostgreSQL: connection failed" in document["error"]

"""A supervisor of real processes, with a clock that only the test moves."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.run.processes import Children, Process
from local.run.supervisor import Supervisor
from local.servers.server import Command, ServerError
from tests.integration.local.test_processes import eventually


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """One supervised process, and everything that the supervisor reported."""

    def __init__(self, children: Children, folder: Path, script: str) -> None:
        self.said: list[str] = []
        self.clock = Clock()
        self.prepared = 0
        self.fault: str | None = None
        argv = ("/bin/sh", "-c", script)
        env = {"PATH": os.environ["PATH"]}
        self.supervisor = Supervisor(self.said.append, self.clock)
        self.process: Process = children.start(
            Command(name="worker", argv=argv, env=env, cwd=folder)
        )
        self.supervisor.watch(self.process, self._prepare)

    def _prepare(self) -> None:
        self.prepared += 1
        if self.fault:
            raise ServerError(self.fault)

    def tick(self, after_s: float = 0.0) -> None:
        """Let time pass, and let the supervisor look."""
        self.clock.now += after_s
        self.supervisor.tick()

    def dies(self) -> None:
        """Wait until it has ended by itself."""
        assert self.process.wait(60)


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """A context for a test's processes."""
    with Children(tmp_path / "logs") as children:
        yield children


def test_a_killed_process_is_restarted_a_second_later(children: Children, tmp_path: Path) -> None:
    watched = Watched(children, tmp_path, "echo up; sleep 60")
    first = watched.process.pid
    assert eventually(lambda: watched.process.tail() == "up")
    watched.tick()
    assert watched.said == []
    assert first is not None
    os.kill(first, signal.SIGKILL)
    watched.dies()
    watched.tick()
    assert "worker exited (killed by SIGKILL). Restarting it in 1 s" in watched.said[0]
    assert watched.said[0].endswith("\nup")
    watched.tick(after_s=0.9)
    assert not watched.process.running
    watched.tick(after_s=0.2)
    assert watched.process.running
    assert watched.prepared == 1
    assert watched.said[1] == f"worker is running again (process {watched.process.pid})."


def test_the_delay_doubles_with_each_failure_in_a_row(children: Children, tmp_path: Path) -> None:
    watched = Watched(children, tmp_path, "exit 7")
    for wait in (1, 2, 4):
        watched.dies()
        watched.tick()
        assert f"(exit code 7). Restarting it in {wait} s" in watched.said[-1]
        watched.tick(after_s=wait)
        assert "is running again" in watched.said[-1]


def test_a_process_that_was_stable_is_restarted_a_second_later_again(
    children: Children, tmp_path: Path
) -> None:
    watched = Watched(children, tmp_path, "sleep 60")
    for _ in range(3):
        watched.process.signal(signal.SIGKILL)
        watched.dies()
        watched.tick()
        watched.tick(after_s=10)
    watched.clock.now += 61
    watched.process.signal(signal.SIGKILL)
    watched.dies()
    watched.tick()
    assert "Restarting it in 1 s" in watched.said[-1]


def test_a_process_that_cannot_be_prepared_is_tried_again_later(
    children: Children, tmp_path: Path
) -> None:
    watched = Watched(children, tmp_path, "sleep 60")
    watched.process.signal(signal.SIGKILL)
    watched.dies()
    watched.fault = "the disk is full"
    watched.tick()
    watched.tick(after_s=1)
    assert watched.said[-1] == "worker could not be restarted: the disk is full"
    watched.fault = None
    watched.tick(after_s=1)
    assert not watched.process.running
    watched.tick(after_s=1)
    assert watched.process.running

"""Child processes, each in a session of its own, none of which outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from local.run import watchdog
from local.run.logs import last_lines
from local.servers.accounts import run_as
from local.servers.server import Command, ServerError

STOP_TIMEOUT_S = 15.0
RUN_TIMEOUT_S = 120.0


class Process:
    """One child. It can be started again after it has ended. Its output is appended to `log`.

    It inherits the file descriptors `pass_fds`, and with them every lock that they hold.
    """

    def __init__(
        self, command: Command, log: Path, guard: "Guard", pass_fds: Sequence[int] = ()
    ) -> None:
        self.command = command
        self.log = log
        self._guard = guard
        self._pass_fds = pass_fds
        self._child: subprocess.Popen[bytes] | None = None
        self._group: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child and self.running else None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended: an exit code or a negative signal number. None while it runs."""
        return self._child.poll() if self._child else None

    def start(self) -> None:
        """Start it, in a process group of its own, without standard input."""
        if self.running:
            raise RuntimeError(f"{self.command.name} is already running as process {self.pid}.")
        self.kill()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command.argv,
                env=dict(self.command.env),
                cwd=self.command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self._pass_fds,
                **run_as(self.command.account),
            )
        self._group = self._child.pid
        self._guard.add(self._group, self.command.stop_signal)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, unless it has ended."""
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def kill(self) -> None:
        """Kill the whole group, including what a process that has ended left in it."""
        if self._child is None or self._group is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)
        self._child.wait()
        self._guard.remove(self._group)
        self._group = None  # the system may give the number to another group

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended before the timeout."""
        if self._child is None:
            return True
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout_s)
        return not self.running

    def tail(self, lines: int = 12) -> str:
        """The last lines of its log."""
        return last_lines(self.log, lines)

    def log_ending(self) -> str:
        """Where its log is, and the last lines of it, for an error message."""
        return f"The end of its log, {self.log}:\n{self.tail()}"


class Guard:
    """Our end of the pipe to the watchdog. When the pipe closes, the watchdog takes us for dead."""

    def __init__(self, pass_fds: Sequence[int] = ()) -> None:
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        assert self._watchdog.stdin is not None
        self._pipe = self._watchdog.stdin

    def fileno(self) -> int:
        """Our end of the pipe. While another process has it, the watchdog does not act."""
        return self._pipe.fileno()

    def add(self, group: int, number: signal.Signals) -> None:
        """Have a process group stopped with this signal if we die."""
        self._tell(f"+ {group} {int(number)}\n")

    def remove(self, group: int) -> None:
        """Forget a group that has ended."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End the watchdog. It stops the groups that are still registered."""
        self._pipe.close()
        self._watchdog.wait()

    def _tell(self, line: str) -> None:
        self._pipe.write(line.encode())
        self._pipe.flush()


class Children:
    """A context that ends its processes when it is left, for whatever reason.

    Every process inherits `pass_fds`. A lock on one of them is released only when the last process
    has ended, including those that left our process groups, as PostgreSQL's do.

    If we are killed, the watchdogs stop these processes first, and then those that they `need`.
    """

    def __init__(
        self, log_dir: Path, pass_fds: Sequence[int] = (), need: "Children | None" = None
    ) -> None:
        self._log_dir = log_dir
        self._pass_fds = pass_fds
        # The watchdog of the others waits for the end of a pipe that our watchdog has open, too.
        self.guard: Guard = Guard((*pass_fds, need.guard.fileno()) if need else pass_fds)
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.guard.close()

    def start(self, command: Command) -> Process:
        """Start a process. Its log is LOG_DIR/NAME.log."""
        log = self._log_dir / f"{command.name}.log"
        process = Process(command, log, self.guard, self._pass_fds)
        self.processes.append(process)
        process.start()
        return process

    def run(self, command: Command) -> None:
        """Run a command to its end; `ServerError` if it fails or takes more than two minutes."""
        process = self.start(command)
        if not process.wait(RUN_TIMEOUT_S):
            process.kill()
            raise ServerError(f"{command.name} took too long. {process.log_ending()}")
        process.kill()
        if process.returncode != 0:
            how = exit_reason(process.returncode)
            raise ServerError(f"{command.name} failed ({how}). {process.log_ending()}")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask all of them to stop, wait for all of them together, and kill the rest."""
        deadline = time.monotonic() + timeout_s
        for process in self.processes:
            process.signal(process.command.stop_signal)
        for process in self.processes:
            process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()


def exit_reason(returncode: int | None) -> str:
    """An exit code or a negative signal number, in words."""
    if returncode is None or returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"

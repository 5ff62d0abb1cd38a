"""Child processes, each in a session of its own, none of which outlives us.

`Children` starts them and stops them all together; `Process` is one of them, for whoever wants to
stop, kill or restart it alone.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from local.run import watchdog
from local.servers.accounts import group_of

STOP_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run. `env` is the whole environment; `account` an OS user (root only)."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    account: str | None = None


class Process:
    """One child, which can be started again after it ended. Its output is appended to `log`."""

    def __init__(self, command: Command, log: Path, guard: "Guard") -> None:
        self.command = command
        self.log = log
        self._guard = guard
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
        """How it ended last: an exit code, a negative signal number, None while it runs."""
        return self._child.poll() if self._child else None

    def start(self) -> None:
        """Start it, in a process group of its own, with nothing on standard input."""
        if self.running:
            raise RuntimeError(f"{self.command.name} runs already, as process {self.pid}.")
        self.kill()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        account = self.command.account
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command.argv,
                env=dict(self.command.env),
                cwd=self.command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account,
                group=group_of(account),
                extra_groups=[] if account else None,
            )
        self._group = self._child.pid
        self._guard.add(self._group, self.command.stop_signal)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; nothing if it has ended."""
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def stop(self, patience_s: float = STOP_S) -> None:
        """Ask it to stop, wait, then kill what is left of its group."""
        self.signal(self.command.stop_signal)
        self.wait(patience_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group, at once, also to what a dead process left in it; reap it."""
        if self._child is None or self._group is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)
        self._child.wait()
        self._guard.remove(self._group)
        self._group = None  # the number may come to stand for somebody else's group

    def wait(self, limit_s: float) -> bool:
        """Whether it has ended within the limit."""
        if self._child is None:
            return True
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(limit_s)
        return not self.running

    def tail(self, lines: int = 12) -> str:
        """The last lines of its log."""
        return tail(self.log, lines)


class Guard:
    """Our side of the watchdog's pipe: it notices our death by the pipe's end.

    It keeps the file descriptors `keep` open, and any lock on them, until it has ended what we
    left.
    """

    def __init__(self, keep: Sequence[int] = ()) -> None:
        self._dog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=keep,
        )

    def add(self, group: int, number: signal.Signals) -> None:
        """Have the group ended should we die."""
        self._tell(f"+ {group} {int(number)}\n")

    def remove(self, group: int) -> None:
        """Forget a group that has ended."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End the watchdog; it ends what is still registered."""
        if self._dog.stdin:
            self._dog.stdin.close()
        self._dog.wait()

    def _tell(self, line: str) -> None:
        if self._dog.stdin:
            self._dog.stdin.write(line.encode())
            self._dog.stdin.flush()


class Children:
    """A context whose processes end with it, whichever way it ends."""

    processes: list[Process]

    def __init__(self, log_dir: Path, keep: Sequence[int] = ()) -> None:
        self._log_dir = log_dir
        self._guard = Guard(keep)
        self.processes = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._guard.close()

    def start(self, command: Command) -> Process:
        """Start a process with its log in LOG_DIR/NAME.log."""
        process = Process(command, self._log_dir / f"{command.name}.log", self._guard)
        self.processes.append(process)
        process.start()
        return process

    def stop(self, patience_s: float = STOP_S) -> None:
        """Ask all to stop, wait once for all of them, and kill what is left."""
        deadline = time.monotonic() + patience_s
        for process in self.processes:
            process.signal(process.command.stop_signal)
        for process in self.processes:
            process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()


def tail(log: Path, lines: int) -> str:
    """The last lines of a file, read from its end; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64_000))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])

"""Downloads and builds, each made once, by one process at a time.

A folder is made under a temporary name and renamed when it is complete, so a folder with its final
name is always complete. The next run removes what an interrupted one has left.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.status import Status

PLAIN_EVERY_S = 10.0
TIMEOUT_S = 1800.0


class FetchError(Exception):
    """Something could not be downloaded or built. The message has the end of its output."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file, after waiting for it; the system releases it if we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(final: Path, make: Callable[[Path], None]) -> Path:
    """The folder `final`. If it does not exist, `make` fills a temporary folder beside it first."""
    if final.is_dir():
        return final
    with locked(final.with_name(final.name + ".lock")):
        if final.is_dir():
            return final
        for leftover in final.parent.glob(f"{final.name}.partial-*"):
            shutil.rmtree(leftover)
        partial = Path(tempfile.mkdtemp(dir=final.parent, prefix=f"{final.name}.partial-"))
        try:
            make(partial)
            partial.chmod(0o755)
            partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return final


def run(doing: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> str:
    """Run a command and show its last line and how long it has run; returns its output.

    Progress goes to standard error: live on a terminal, a line every ten seconds elsewhere.
    """
    console = Console(stderr=True, highlight=False)
    lines: list[str] = []
    started = time.monotonic()
    child = subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    reader = Thread(target=_collect, args=(child, lines), daemon=True)
    reader.start()
    try:
        with console.status(doing) as status:
            _watch(child, Progress(console, status, doing, started), lines)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        reader.join(5)
        if child.stdout:
            child.stdout.close()
    if child.returncode != 0:
        last = "\n".join(lines[-40:])
        raise FetchError(f"{doing}: `{argv[0]}` failed (exit code {child.returncode}).\n{last}")
    console.print(f"{doing}: done in {time.monotonic() - started:.0f} s", markup=False)
    return "\n".join(lines)


class Progress:
    """Shows how long a command has run."""

    def __init__(self, console: Console, status: Status, doing: str, started: float) -> None:
        self._console, self._status, self.doing = console, status, doing
        self._started = started
        self._printed_at = started

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def show(self, last_line: str) -> None:
        """Show the time and the last line of output."""
        text = f"{self.doing} ({self.elapsed():.0f} s) {last_line[:80]}"
        if self._console.is_terminal:
            self._status.update(text.replace("[", "\\["))
        elif time.monotonic() - self._printed_at >= PLAIN_EVERY_S:
            self._printed_at = time.monotonic()
            self._console.print(text, markup=False)


def _watch(child: subprocess.Popen[str], progress: Progress, lines: list[str]) -> None:
    while child.poll() is None:
        if progress.elapsed() > TIMEOUT_S:
            raise FetchError(f"{progress.doing}: gave up after {TIMEOUT_S:.0f} s.")
        progress.show(lines[-1] if lines else "")
        time.sleep(0.1)


def _collect(child: subprocess.Popen[str], lines: list[str]) -> None:
    for line in child.stdout or ():
        if line.strip():
            lines.append(line.strip())
            del lines[:-200]


def uv() -> str:
    """The uv in this Python's environment, or else the one on the PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv", path=os.environ.get("PATH"))
    if found is None:
        raise FetchError("uv is missing: run `make setup` first.")
    return found

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
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
    """Run a command and show how long it takes; returns its output.

    Progress goes to standard error: live on a terminal, else a line every ten seconds at most.
    """
    watched = sys.stderr.isatty()
    console = Console(stderr=True, highlight=False, soft_wrap=True, force_terminal=watched)
    began = printed = time.monotonic()
    lines: deque[str] = deque(maxlen=200)
    live = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with _started(argv, env, cwd) as child, live:
        task = live.add_task(doing)
        for line in filter(None, map(str.strip, child.stdout or ())):
            lines.append(line)
            live.update(task, description=f"{doing}: {line[:60]}")
            if not console.is_terminal and time.monotonic() - printed >= PLAIN_EVERY_S:
                printed = time.monotonic()
                console.print(f"{doing} ({printed - began:.0f} s): {line[:60]}", markup=False)
    if child.returncode != 0:
        end = "\n".join(list(lines)[-40:])
        raise FetchError(f"{doing}: `{argv[0]}` failed (exit code {child.returncode}).\n{end}")
    console.print(f"{doing}: done in {time.monotonic() - began:.0f} s", markup=False)
    return "\n".join(lines)


@contextmanager
def _started(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path | None
) -> Iterator[subprocess.Popen[str]]:
    """A child whose whole group is killed after the timeout, or if we stop reading its output."""
    with subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        timer = Timer(TIMEOUT_S, os.killpg, (child.pid, signal.SIGKILL))
        timer.start()
        try:
            yield child
            child.wait()
        finally:
            timer.cancel()
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def uv() -> str:
    """The uv in this Python's environment, or else the one on the PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv", path=os.environ.get("PATH"))
    if found is None:
        raise FetchError("uv is missing: run `make setup` first.")
    return found

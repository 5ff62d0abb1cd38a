"""The data folder of one machine: whose it is, which copy runs in it, and its removal.

A mark in the folder says that everything in it is ours to remove. A lock, held by the running copy
and by its watchdog, says that a copy runs or is still being ended; the system drops it with them.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MARK = ".drivestream-data"
MARK_TEXT = (
    "Everything in this folder is Drivestream's, and goes with `drivestream down --purge`.\n"
)
LOCK = "lock"
RECORD = "running.json"


class HomeError(Exception):
    """A data folder that cannot be used, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What a running copy says of itself: its process, its settings, its addresses as shown."""

    pid: int
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)


class Home:
    """One data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def logs(self) -> Path:
        """Where the logs of all processes are."""
        return self.path / "logs"

    @contextmanager
    def held(self, patience_s: float = 0.0) -> Iterator[int]:
        """Make the folder if need be and hold its lock; gives the lock's file descriptor.

        Waits for a copy that is being ended, up to the limit; `HomeError` if another one runs.
        """
        self._claim()
        with (self.path / LOCK).open("a") as lock:
            self._wait_for_lock(lock.fileno(), patience_s)
            (self.path / RECORD).unlink(missing_ok=True)
            self.record(Copy(pid=os.getpid()))
            try:
                yield lock.fileno()
            finally:
                (self.path / RECORD).unlink(missing_ok=True)

    def record(self, copy: Copy) -> None:
        """Leave word of the running copy, for `status` and `down`; the settings hold passwords."""
        path = self.path / RECORD
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(
                {"pid": copy.pid, "settings": copy.settings, "addresses": copy.addresses}, file
            )
        partial.rename(path)

    def running(self) -> Copy | None:
        """The copy that runs here, if one does."""
        if not self.locked():
            return None
        try:
            known = json.loads((self.path / RECORD).read_text())
            return Copy(pid=known["pid"], settings=known["settings"], addresses=known["addresses"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it is just starting, or just ending

    def locked(self) -> bool:
        """Whether a copy runs here, or is still being ended."""
        try:
            with (self.path / LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def wait_until_free(self, limit_s: float) -> bool:
        """Whether the copy has ended, with all its processes, within the limit."""
        deadline = time.monotonic() + limit_s
        while self.locked() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.locked()

    def purge(self) -> bool:
        """Remove the folder with all data; False if there is none. Only what carries our mark."""
        if not self.path.exists():
            return False
        if not (self.path / MARK).is_file():
            raise HomeError(f"{self.path} has no {MARK}: it is not ours, so nothing was removed.")
        shutil.rmtree(self.path.resolve())
        return True

    def _claim(self) -> None:
        """Make the folder and mark it as ours; an old folder is taken only if it is empty."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if (self.path / MARK).exists():
                return
            if any(self.path.iterdir()):
                raise HomeError(
                    f"DATA_DIR, {self.path}, holds something else. "
                    "Name an empty folder, or one that does not exist yet."
                )
            (self.path / MARK).write_text(MARK_TEXT)
        except OSError as error:
            raise HomeError(f"DATA_DIR, {self.path}, cannot be used: {error.strerror}.") from None

    def _wait_for_lock(self, lock: int, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                copy = self.running()
                ending = copy is None or not _exists(copy.pid)
                if not ending or time.monotonic() >= deadline:
                    raise HomeError(_already(self.path, copy)) from None
            time.sleep(0.1)


def _already(path: Path, copy: Copy | None) -> str:
    which = f"process {copy.pid}" if copy else "just starting or ending"
    return (
        f"Another copy runs on {path} ({which}). See `drivestream status`, end it with "
        "`drivestream down`, or set DATA_DIR to another folder (and the ports too)."
    )


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

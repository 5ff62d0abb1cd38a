"""The data folder of one machine: whether it is ours, which copy runs in it, and its removal.

A file in the folder marks everything in it as ours to remove. Another file is locked for as long as
any process of a running copy exists: all of them inherit the lock, and the system releases it when
the last one has ended.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.servers.accounts import remove_folder_of
from local.servers.credentials import write_private

MARK = ".drivestream-data"
MARK_TEXT = (
    "Everything in this folder belongs to Drivestream. `drivestream down --purge` deletes it.\n"
)
LOCK = "lock"
RECORD = "running.json"
POLL_S = 0.1


class DataFolderError(Exception):
    """A data folder that cannot be used. The message is for a person."""


@dataclass(frozen=True, kw_only=True)
class RunningCopy:
    """What a running copy tells other commands: process id, settings, addresses as displayed."""

    pid: int
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)


class DataFolder:
    """One data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def logs(self) -> Path:
        """Where the logs of all processes are."""
        return self.path / "logs"

    @contextmanager
    def locked(self, timeout_s: float = 0.0) -> Iterator[int]:
        """Create the folder if need be and lock it; gives the file descriptor of the lock.

        Waits for a copy that is ending, up to the timeout; `DataFolderError` if another one runs.
        """
        self._claim()
        with (self.path / LOCK).open("a") as lock:
            self._lock(lock.fileno(), timeout_s)
            self.record(RunningCopy(pid=os.getpid()))
            try:
                yield lock.fileno()
            finally:
                (self.path / RECORD).unlink(missing_ok=True)

    def record(self, copy: RunningCopy) -> None:
        """Tell other commands about the running copy. The settings contain passwords."""
        write_private(self.path / RECORD, json.dumps(asdict(copy)))

    def running(self) -> RunningCopy | None:
        """The copy that runs here, if there is one."""
        if not self.in_use():
            return None
        try:
            known = json.loads((self.path / RECORD).read_text())
            return RunningCopy(**{name: known[name] for name in ("pid", "settings", "addresses")})
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it is starting or stopping

    def in_use(self) -> bool:
        """Whether any process of a copy exists."""
        try:
            with (self.path / LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def purge(self) -> bool:
        """Remove the folder and all data; False if it does not exist. Only if it has our mark."""
        if not self.path.exists():
            return False
        if not (self.path / MARK).is_file():
            raise DataFolderError(
                f"{self.path} has no {MARK}, so Drivestream did not create it. Nothing was deleted."
            )
        for path in self.path.iterdir():
            remove_folder_of(path)
        shutil.rmtree(self.path.resolve())
        return True

    def _claim(self) -> None:
        """Create the folder and mark it as ours. A folder without the mark must be empty."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if (self.path / MARK).exists():
                return
            if any(self.path.iterdir()):
                raise DataFolderError(
                    f"DATA_DIR, {self.path}, contains other files. "
                    "Set it to an empty folder, or to one that does not exist yet."
                )
            (self.path / MARK).write_text(MARK_TEXT)
        except OSError as error:
            raise DataFolderError(
                f"DATA_DIR, {self.path}, cannot be used: {error.strerror}."
            ) from None

    def _lock(self, lock: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                copy = self.running()
                if time.monotonic() >= deadline or (copy and _exists(copy.pid)):
                    raise DataFolderError(_in_use(self.path, copy)) from None
            time.sleep(POLL_S)


def _in_use(path: Path, copy: RunningCopy | None) -> str:
    which = f"process {copy.pid}" if copy else "starting or stopping"
    return (
        f"Another instance is using {path} ({which}). See `drivestream status`, stop it with "
        "`drivestream down`, or set DATA_DIR to another folder and choose other ports."
    )


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

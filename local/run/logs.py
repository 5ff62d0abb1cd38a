"""Log files that stay bounded: the last run's is kept beside this one's, and none grows on."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

LARGEST = 64 * 1024 * 1024


def previous(log: Path) -> Path:
    """Where the log before this one is kept."""
    return log.with_suffix(".previous.log")


def keep_previous(folder: Path) -> None:
    """Before a start: this run's logs begin empty, the last run's are kept, older ones go."""
    for log in folder.glob("*.log"):
        if not log.name.endswith(".previous.log"):
            log.replace(previous(log))


def cut(logs: Iterable[Path], largest: int = LARGEST) -> None:
    """Move what a log holds aside when it is too long; its writer appends, and so goes on at 0."""
    for log in logs:
        if log.exists() and log.stat().st_size > largest:
            shutil.copyfile(log, previous(log))
            os.truncate(log, 0)

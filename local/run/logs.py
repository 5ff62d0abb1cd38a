"""Log files of bounded size. The log of the previous run is kept beside the current one."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024
TAIL_BYTES = 64_000


def previous(log: Path) -> Path:
    """Where the log before this one is kept."""
    return log.with_suffix(".previous.log")


def keep_previous(folder: Path) -> None:
    """Before a start: keep the logs of the last run under their second names, so that all begin
    empty."""
    for log in folder.glob("*.log"):
        if not log.name.endswith(".previous.log"):
            log.replace(previous(log))


def truncate_long(logs: Iterable[Path], max_bytes: int = MAX_BYTES) -> None:
    """Empty each log that has grown too long, and keep what it held. Its writer appends, and so
    continues at its beginning."""
    for log in logs:
        if log.exists() and log.stat().st_size > max_bytes:
            shutil.copyfile(log, previous(log))
            os.truncate(log, 0)


def last_lines(log: Path, lines: int) -> str:
    """The last lines of a log; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])

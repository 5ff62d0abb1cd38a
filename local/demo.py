"""The import of `drivestream demo`: its progress on the terminal, then its outcome."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console

from local.run.stack import Stack
from local.servers.server import ServerError
from local.show.address import api_key
from local.show.api import Api
from local.show.bar import Bar
from local.show.follow import Limits, follow
from local.show.reports import ImportReport
from local.show.text import printable, size

POLL_S = 0.5
COUNTS = ("found", "stored", "unchanged", "failed", "pending", "found_bytes", "stored_bytes")
SHOWN = ("state", *COUNTS, "skipped", "failures")


@dataclass(frozen=True)
class Stopwatch:
    """Seconds since the command began; `at` is the same moment as a time of day."""

    began: float = field(default_factory=time.monotonic)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def seconds(self) -> float:
        """Seconds until now."""
        return round(time.monotonic() - self.began, 2)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the import ended. Times are in seconds since the command began."""

    folder_url: str
    import_id: str
    report: ImportReport
    ready_s: float
    asked_s: float
    ended_s: float
    first_stored_s: float | None
    expected: int | None  # pictures in the folder, if the emulator has counted them

    @property
    def good(self) -> bool:
        """Whether every picture of the folder is stored, by this import or an earlier one."""
        return self.report.good and not self.missed

    @property
    def missed(self) -> int:
        """Pictures in the folder that were not found; negative if too many were found."""
        return 0 if self.expected is None else self.expected - self.report.found

    def sentences(self) -> str:
        """The equation, the times, and what went wrong, for a person."""
        report = self.report
        name = f"{printable(report.name, 80)}: " if report.name else ""
        first = (
            "" if self.first_stored_s is None else f"; first image after {self.first_stored_s} s"
        )
        lines = [
            f"{name}{report.equation()}",
            f"{report.state}: {size(report.stored_bytes)} stored in "
            f"{self.ended_s - self.asked_s:.1f} s (ready at {self.ready_s} s{first})",
        ]
        if self.missed:
            lines.append(
                f"The folder has {self.expected:,} images, but {report.found:,} were found."
            )
        return "\n".join([*lines, *report.notes()])

    def document(self, total_s: float) -> dict[str, object]:
        """The same as one JSON object; bytes and seconds are plain numbers."""
        return {
            **{name: getattr(self.report, name) for name in SHOWN},
            "folder_url": self.folder_url,
            "folder_name": self.report.name,
            "import_id": self.import_id,
            "expected": self.expected,
            "equation_closes": self.report.closes,
            "seconds": {
                "ready": self.ready_s,
                "first_stored": self.first_stored_s,
                "import": round(self.ended_s - self.asked_s, 2),
                "total": total_s,
            },
        }


def run_import(
    stack: Stack, folder: str | None, limits: Limits, stopwatch: Stopwatch, console: Console
) -> Outcome:
    """Import the folder, or the emulator's sample folder, and show the progress.

    Raises `ServerError`, `ApiError`, `NoProgressError`, and `Stopped` if asked to stop.
    """
    ready_s = stopwatch.seconds()
    sample = stack.sample
    link = folder or (sample.url if sample else None)
    if not link:
        raise ServerError(
            "The Drive emulator is not running, so there is no sample folder. Use --folder URL."
        )
    api = Api(stack.api_url, api_key(os.environ))
    asked_s = stopwatch.seconds()
    import_id = api.start(link)
    with Bar(console) as bar:
        report = follow(lambda: api.report(import_id), _pause(stack), bar.show, limits)
    stored_at = report.first_stored_at
    return Outcome(
        folder_url=link,
        import_id=import_id,
        report=report,
        ready_s=ready_s,
        asked_s=asked_s,
        ended_s=stopwatch.seconds(),
        expected=sample.pictures if sample and link == sample.url else None,
        first_stored_s=round((stored_at - stopwatch.at).total_seconds(), 2) if stored_at else None,
    )


def _pause(stack: Stack) -> Callable[[], None]:
    """Between two requests: supervise the processes, and end the import if asked to stop."""

    def pause() -> None:
        stack.supervisor.tick()
        stack.stop.wait(POLL_S)
        stack.stop.check()

    return pause

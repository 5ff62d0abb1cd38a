"""The main job, shown: everything started, a folder imported, the equation closed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console

from local.run.stack import Stack
from local.run.up import Up
from local.servers.server import ServerError
from local.show.api import Api, Progress
from local.show.bar import Bar
from local.show.follow import Limits, follow

POLL_S = 0.5


@dataclass(frozen=True)
class Start:
    """When the command began, by a clock that does not jump and by one that others share."""

    clock: float = field(default_factory=time.monotonic)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def seconds(self) -> float:
        """Seconds since then."""
        return round(time.monotonic() - self.clock, 2)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the demo's import ended, and when, in seconds since the command began."""

    folder_url: str
    import_id: str
    progress: Progress
    ready_s: float
    asked_s: float
    ended_s: float
    first_stored_s: float | None
    expected: int | None  # pictures in the folder, where the emulator can say

    @property
    def good(self) -> bool:
        """Every picture of the folder was brought over, by this import or one before it."""
        progress = self.progress
        settled = progress.closes and not progress.pending and not progress.failed
        return settled and progress.state == "completed" and not self.overlooked

    @property
    def overlooked(self) -> int:
        """Pictures that the folder holds and the listing did not find; negative for too many."""
        return 0 if self.expected is None else self.expected - self.progress.found

    def sentences(self) -> str:
        """The closing equation, the time it took, and what went wrong, for a person."""
        progress = self.progress
        lines = [progress.equation()]
        first = "" if self.first_stored_s is None else f", first picture at {self.first_stored_s} s"
        lines.append(
            f"{progress.state}: {progress.stored_bytes / 1e6:,.1f} MB stored in "
            f"{self.ended_s - self.asked_s:.1f} s (ready at {self.ready_s} s{first})"
        )
        if self.overlooked:
            lines.append(f"The folder holds {self.expected:,} pictures, {progress.found:,} found.")
        if progress.message:
            lines.append(progress.message)
        lines += [f"  {number:,} failed: {why}" for why, number in progress.failures.items()]
        return "\n".join(lines)

    def document(self, total_s: float) -> dict[str, object]:
        """The same as one JSON object; bytes and seconds are plain numbers."""
        progress = self.progress
        return {
            "state": progress.state,
            "folder_url": self.folder_url,
            "import_id": self.import_id,
            "found": progress.found,
            "stored": progress.stored,
            "unchanged": progress.unchanged,
            "failed": progress.failed,
            "pending": progress.pending,
            "skipped": dict(progress.skipped),
            "failures": dict(progress.failures),
            "expected": self.expected,
            "equation_closes": progress.closes,
            "found_bytes": progress.found_bytes,
            "stored_bytes": progress.stored_bytes,
            "seconds": {
                "ready": self.ready_s,
                "first_stored": self.first_stored_s,
                "import": round(self.ended_s - self.asked_s, 2),
                "total": total_s,
            },
        }


def run_import(
    up: Up, folder: str | None, limits: Limits, start: Start, console: Console
) -> Outcome:
    """Import the folder, or the emulator's sample, showing how far it is.

    Raises `ServerError`, `ApiError`, `StandstillError`, and `Stopped` when asked to stop.
    """
    ready_s = start.seconds()
    sample = up.sample
    link = folder or (sample.url if sample else None)
    if not link:
        raise ServerError("There is no emulator, so no sample folder: name one with --folder URL.")
    api = Api(up.api_url)
    asked_s = start.seconds()
    import_id = api.start(link)
    with Bar(console) as bar:
        progress = follow(lambda: api.progress(import_id), _turn(up.stack), bar.show, limits)
    stored_at = progress.first_stored_at
    return Outcome(
        folder_url=link,
        import_id=import_id,
        progress=progress,
        ready_s=ready_s,
        asked_s=asked_s,
        ended_s=start.seconds(),
        expected=sample.pictures if sample and link == sample.url else None,
        first_stored_s=round((stored_at - start.at).total_seconds(), 2) if stored_at else None,
    )


def _turn(stack: Stack) -> Callable[[], None]:
    """Between two questions: see to the processes, and end it all when asked to."""

    def turn() -> None:
        stack.supervisor.tick()
        stack.stop.wait(POLL_S)
        stack.stop.check()

    return turn

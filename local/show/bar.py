"""The progress of an import for a person: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Live

from local.show.api import Progress

PLAIN_EVERY_S = 2.0
GROWING = ("queued", "listing")


class Bar:
    """A context that shows what `show` is given, on standard error."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._said_at: float | None = None
        self._live = Live(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task("queued", total=None, counts="")

    def show(self, progress: Progress) -> None:
        """Show one answer; off a terminal every two seconds, and the last one."""
        text = counts(progress)
        if self._console.is_terminal:
            # As long as files are still being found there is no whole to show a share of.
            total = None if progress.state in GROWING else progress.found
            self._live.update(
                self._task,
                description=progress.state,
                total=total,
                completed=progress.done,
                counts=text,
            )
        elif progress.final or self._due():
            self._said_at = self._clock()
            self._console.print(f"{progress.state}: {text}", markup=False)

    def _due(self) -> bool:
        return self._said_at is None or self._clock() - self._said_at >= PLAIN_EVERY_S

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


def counts(progress: Progress) -> str:
    """`1,203 of 2,400 found so far, 62.1 MB`, and failures where there are any."""
    found = f"{progress.found:,} found{' so far' if progress.state in GROWING else ''}"
    text = f"{progress.done:,} of {found}, {progress.stored_bytes / 1e6:,.1f} MB"
    return f"{text}, {progress.failed:,} failed" if progress.failed else text

"""The progress of an import or a replay: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from local.show.pace import Pace
from local.show.reports import Report

PLAIN_EVERY_S = 2.0


class _Live(Progress):
    """A progress bar with one line of text below it."""

    below = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.below:
            yield Text(self.below)


class Bar:
    """A context that shows each report it is given on standard error."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._pace = Pace(clock)
        self._printed = ""
        self._printed_at: float | None = None
        self._live = _Live(
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task("queued", total=None, counts="")

    def show(self, report: Report) -> None:
        """Show a report. Off a terminal: what is new, every two seconds, and the last one."""
        pace = self._pace.text(report)
        counts = report.progress() + (f", {pace}" if pace else "")
        waits = f"  {report.note}" if report.note else ""
        if self._console.is_terminal:
            self._live.below = waits
            self._live.update(
                self._task,
                description=report.state,
                total=report.total,
                completed=report.handled,
                counts=counts,
            )
        elif report.final or self._due():
            news = f"{report.state}: {report.progress()}{waits}"  # a rate alone is none
            if news != self._printed:
                text = f"{report.state}: {counts}"
                self._console.print(f"{text}\n{waits}" if waits else text, markup=False)
            self._printed, self._printed_at = news, self._clock()

    def _due(self) -> bool:
        return self._printed_at is None or self._clock() - self._printed_at >= PLAIN_EVERY_S

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

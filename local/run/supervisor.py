"""Keeps processes running: one that ends is started again, later and later, and it says so."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.run.logs import cut
from local.run.processes import Process
from local.servers.server import Server, ServerError

FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 30.0
STEADY_S = 60.0  # having run this long, it is no longer failing over and over
CUT_EVERY_S = 10.0


@dataclass(kw_only=True)
class Watched:
    """One process and what is planned for it."""

    server: Server
    process: Process
    started_at: float
    failures: int = 0
    due_at: float | None = None


def delay(failures: int) -> float:
    """Seconds before the next start: 1, 2, 4, 8, 16, then 30."""
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 10))


def how_it_ended(returncode: int | None) -> str:
    """Words for an exit code or the number of a signal."""
    if returncode is None or returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


class Supervisor:
    """Call `tick` a few times a second; it never waits. `say` takes sentences for a person."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._watched: list[Watched] = []
        self._cut_at = clock() + CUT_EVERY_S

    def watch(self, server: Server, process: Process) -> None:
        """Keep this one running from now on."""
        self._watched.append(Watched(server=server, process=process, started_at=self._clock()))

    def tick(self) -> None:
        """Notice what ended, start again what is due, keep the logs bounded."""
        for each in self._watched:
            self._see_to(each)
        if self._clock() >= self._cut_at:
            self._cut_at = self._clock() + CUT_EVERY_S
            cut(each.process.log for each in self._watched)

    def _see_to(self, each: Watched) -> None:
        if each.due_at is None and not each.process.running:
            self._plan(each)
        if each.due_at is not None and self._clock() >= each.due_at:
            self._start(each)

    def _plan(self, each: Watched) -> None:
        ended = how_it_ended(each.process.returncode)
        last = each.process.tail(5)
        each.process.kill()  # what it left behind in its group
        if self._clock() - each.started_at > STEADY_S:
            each.failures = 0
        each.failures += 1
        wait = delay(each.failures)
        each.due_at = self._clock() + wait
        self._say(
            f"{each.server.name} ended ({ended}); starting it again in {wait:.0f} s. "
            f"Its log, {each.process.log}, ends:\n{last}"
        )

    def _start(self, each: Watched) -> None:
        each.due_at = None
        each.started_at = self._clock()
        try:
            each.server.prepare()
            each.process.start()
        except (OSError, ServerError) as error:
            each.failures += 1
            each.due_at = self._clock() + delay(each.failures)
            self._say(f"{each.server.name} could not be started: {error}")
        else:
            self._say(f"{each.server.name} runs again (process {each.process.pid}).")

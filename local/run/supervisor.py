"""Restarts processes that end, with an increasing delay, and reports it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from local.run.logs import truncate_long
from local.run.processes import Process, exit_reason
from local.servers.server import ServerError

FIRST_DELAY_S, MAX_DELAY_S = 1.0, 30.0
STABLE_S = 60.0  # a process that ran this long has recovered, and its failures are forgotten
LOG_CHECK_S = 10.0


@dataclass(kw_only=True)
class Supervised:
    """One process, what must be done before it starts, and when it is to be restarted."""

    process: Process
    prepare: Callable[[], None]
    started_at: float
    failures: int = 0
    restart_at: float | None = None


def restart_delay(failures: int) -> float:
    """Seconds before the next start: 1, 2, 4, 8, 16, then 30."""
    return min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 10))


class Supervisor:
    """Call `tick` a few times a second; it never waits. `notify` takes sentences for a person."""

    def __init__(
        self, notify: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._notify = notify
        self._clock = clock
        self._supervised: list[Supervised] = []
        self._check_logs_at = clock() + LOG_CHECK_S

    def watch(self, process: Process, prepare: Callable[[], None] = lambda: None) -> None:
        """Keep a process running from now on. `prepare` is called before each restart."""
        self._supervised.append(
            Supervised(process=process, prepare=prepare, started_at=self._clock())
        )

    def tick(self) -> None:
        """Notice what has ended, restart what is due, and keep the logs short."""
        for each in self._supervised:
            if each.restart_at is None and not each.process.running:
                self._plan_restart(each)
            if each.restart_at is not None and self._clock() >= each.restart_at:
                self._restart(each)
        if self._clock() >= self._check_logs_at:
            self._check_logs_at = self._clock() + LOG_CHECK_S
            truncate_long(each.process.log for each in self._supervised)

    def _plan_restart(self, each: Supervised) -> None:
        process = each.process
        ended, last = exit_reason(process.returncode), process.tail(5)
        process.kill()  # what it left in its group
        if self._clock() - each.started_at > STABLE_S:
            each.failures = 0
        delay = self._delay(each)
        self._notify(
            f"{process.command.name} exited ({ended}). Restarting it in {delay:.0f} s. "
            f"The end of its log, {process.log}:\n{last}"
        )

    def _delay(self, each: Supervised) -> float:
        """Count a failure, and plan the next start; seconds until then."""
        each.failures += 1
        delay = restart_delay(each.failures)
        each.restart_at = self._clock() + delay
        return delay

    def _restart(self, each: Supervised) -> None:
        name = each.process.command.name
        each.restart_at = None
        each.started_at = self._clock()
        try:
            each.prepare()
            each.process.start()
        except (OSError, ServerError) as error:
            self._delay(each)
            self._notify(f"{name} could not be restarted: {error}")
        else:
            self._notify(f"{name} is running again (process {each.process.pid}).")

"""Strikes services, starts them again, and notes how they ended."""

import signal
import time
from dataclasses import dataclass, field

from local.servers.ports import accepts_connections
from tests.fire.history import History
from tests.system import System

GRACE_SECONDS = 35.0
"""What compose gives a service to stop before it kills it."""


@dataclass
class Workers:
    """One thread calls all of this. `_away` are those that we took down or froze ourselves;
    `_stopping` those that were asked to stop, since when, and whether they were up by then."""

    system: System
    history: History
    _away: set[str] = field(default_factory=set)
    _stopping: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def strike(self, kind: str, name: str) -> bool:
        """False if it is away already."""
        if kind == "add":
            self._start(name)
            return True
        process = self.system.processes[name]
        if not process.running or name in self._away:
            return False
        self._away.add(name)
        if kind == "stop":
            self._stop(name)
        elif kind == "kill":
            process.kill()
        else:
            process.signal(signal.SIGSTOP)
        return True

    def recover(self, kind: str, name: str) -> None:
        """The opposite of what `strike` did."""
        if kind == "add":
            self._stop(name)
        elif kind == "freeze":
            self.system.processes[name].signal(signal.SIGCONT)
            self._away.discard(name)
        else:
            self._await_stops(name)
            self._start(name)

    def watch(self) -> None:
        """Note services that ended: in time when asked to, or by themselves; and start the latter
        again, as whatever runs them would."""
        for name in list(self._stopping):
            process, (since, _) = self.system.processes[name], self._stopping[name]
            if process.running and time.monotonic() - since > GRACE_SECONDS:
                process.kill()
            if not process.running:
                self._note_stop(name)
        for name, process in self.system.processes.items():
            if not process.running and name not in self._away:
                code, tail = process.returncode, process.tail(15)
                self.history.add("exit", name=name, code=code, tail=tail)
                process.start()

    def settle(self) -> None:
        """Wait for all that was asked to stop."""
        self._await_stops(*self.system.processes)

    def stop_all(self) -> None:
        """As at the end of a day: all at once."""
        self.watch()
        for name in self.system.processes:
            self._stop(name)
        self.settle()

    def _start(self, name: str) -> None:
        if name not in self.system.processes:
            self.system.start(name)
        elif not self.system.processes[name].running:
            self.system.restart(name)
        self._away.discard(name)

    def _stop(self, name: str) -> None:
        """Before a service obeys signals, Python ends it: such a stop is not judged by its code."""
        process = self.system.processes[name]
        if not process.running:
            return
        up = accepts_connections(self.system.port(name))
        self._away.add(name)
        self._stopping[name] = time.monotonic(), up
        process.signal(signal.SIGTERM)

    def _await_stops(self, *names: str) -> None:
        while any(name in self._stopping for name in names):
            self.watch()
            time.sleep(0.1)

    def _note_stop(self, name: str) -> None:
        since, up = self._stopping.pop(name)
        seconds = round(time.monotonic() - since, 2)
        code = self.system.processes[name].returncode
        self.history.add("stopped", name=name, seconds=seconds, code=code, up=up)

"""Throws the faults at a running system, and ends each after its time."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread

from drive_emulator.testing import EmulatorFailed
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from tests.fire.history import History
from tests.fire.plan import SERVERS, STRIKES, Fault
from tests.fire.poisoning import poison
from tests.fire.servers import Servers
from tests.fire.store_moods import StoreMoods
from tests.fire.workers import Workers
from tests.system import System

PROBABILITY = 0.3


@dataclass
class Faults:
    """One thread calls all of this. `rules` are those of the emulator, by their targets."""

    system: System
    workers: Workers
    servers: Servers
    store: StoreMoods
    history: History
    rules: dict[str, int] = field(default_factory=dict)
    _poisoning: list[Thread] = field(default_factory=list)

    def begin(self, fault: Fault, jobs: Sequence[str]) -> bool:
        """Whether it could be thrown: what is away already cannot be struck."""
        told: Mapping[str, object] = {"kind": fault.kind, "target": fault.target}
        if not self._throw(fault, jobs):
            self.history.add("not_thrown", **told)
            return False
        self.history.add("fault", **told, lasts=round(fault.lasts, 1), effect=fault.effect)
        return True

    def end(self, fault: Fault) -> None:
        """Of one that was begun."""
        name, _, how = fault.target.partition(" ")
        if fault.kind in STRIKES:
            self.workers.recover(fault.kind, name)
        elif fault.kind in SERVERS:
            self.servers.recover(name)
        elif fault.kind == "store":
            self.store.end(how)
        elif fault.kind == "drive":
            self._thaw_drive()
            self.system.drive.clear_faults(self.rules.pop(fault.target))
        elif fault.kind == "emulator":
            self._thaw_drive()
        self.history.add("fault_over", kind=fault.kind, target=fault.target)

    def _throw(self, fault: Fault, jobs: Sequence[str]) -> bool:
        name, _, how = fault.target.partition(" ")
        if fault.kind in STRIKES:
            return self.workers.strike(fault.kind, name)
        if fault.kind == "drive":
            return self._disturb_drive(fault)
        if fault.kind == "poison":
            self._poison(how, fault.share, [*jobs])
        elif fault.kind in SERVERS:
            self.servers.strike(name, how)
        elif fault.kind == "store":
            self.store.begin(how)
        elif fault.kind == "emulator":
            os.kill(self.system.drive.pid, signal.SIGSTOP)
        return True

    def settle(self) -> None:
        """Wait for what was begun and goes on by itself."""
        for thread in self._poisoning:
            thread.join()

    def _poison(self, topic: str, share: float, jobs: Sequence[str]) -> None:
        """In a thread: the broker may be frozen, and it is we who wake it."""
        settings = KafkaSettings.read(Reader(self.system.platform.env))
        thread = Thread(target=poison, args=(settings, topic, share, jobs, self.history))
        thread.start()
        self._poisoning.append(thread)

    def _thaw_drive(self) -> None:
        """It could not be told anything while it is frozen."""
        os.kill(self.system.drive.pid, signal.SIGCONT)

    def _disturb_drive(self, fault: Fault) -> bool:
        self._thaw_drive()
        match = {"kinds": [*fault.kinds], "probability": PROBABILITY, "seed": int(fault.at * 1000)}
        try:
            self.rules[fault.target] = self.system.drive.fault(fault.effect, **match)
        except (OSError, EmulatorFailed) as why:
            self.history.add("note", says=f"the emulator took no rule: {why}")
            return False
        return True

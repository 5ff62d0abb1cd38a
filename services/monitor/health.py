"""Notices a monitor that is behind and does not move, on a thread of its own: a loop may hang."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.monitor.movement import Movement, Offsets
from services.monitor.view import TOPICS

LOOK_SECONDS = 5.0
UNHEALTHY_LOOKS, FATAL_LOOKS = 6, 12
"""After 30 seconds it says so; after 60 it ends the process, so that a supervisor restarts it."""
log = structlog.get_logger("monitor")


def die() -> None:
    os._exit(1)


@dataclass
class Health:
    """`read` gives the next offset of each partition, or None where nothing is read."""

    bounds: Callable[[Sequence[str]], Mapping[tuple[str, int], tuple[int, int]]]
    read: Callable[[], Offsets | None]
    movement: Movement = field(default_factory=Movement)
    die: Callable[[], None] = die

    def start(self) -> None:
        threading.Thread(target=self._watch, name="health", daemon=True).start()

    def trouble(self) -> str:
        """A sentence; empty while all is well."""
        if self.movement.still_looks < UNHEALTHY_LOOKS:
            return ""
        seconds = round(self.movement.still_looks * LOOK_SECONDS)
        behind = sum(self.movement.lag.values())
        return f"The monitor is {behind} messages behind and has read none for {seconds} seconds."

    def look(self) -> None:
        """Once; ends the process if it has stood still for too long."""
        read = self.read()
        if read is None:
            return self.movement.forget()
        try:
            ends = {place: end for place, (_, end) in self.bounds(TOPICS).items()}
        except KafkaUnavailableError:  # then nothing can be read
            return self.movement.forget()
        self.movement.look(ends, read)
        if self.movement.still_looks >= FATAL_LOOKS:
            log.error("monitor.stands_still", why=self.trouble())
            self.die()

    def _watch(self) -> None:
        wait = threading.Event()
        while not wait.wait(LOOK_SECONDS):
            self.look()

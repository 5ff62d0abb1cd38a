"""Pausing, resuming and cancelling an import or a replay, by an event that raises its epoch.

Two processes may ask at once, under the same epoch. Every reader then lets the graver event count
(`core/control.py`), so whoever finds that another event has won asks again under the next epoch.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Tail
from services.api.problems import Problem
from services.api.progress import ImportCache
from services.core.control import STATES, ControlState
from services.core.events import ImportCancelled, ImportPaused, ImportResumed, Message
from services.core.ports import PublishesEvents

SHOWN_SECONDS = 2.0
"""How long an answer waits until the own tail has read what was published."""
LOOK_AGAIN_SECONDS = 0.005
MOST_EPOCHS = 5
ControlKind = type[ImportPaused] | type[ImportResumed] | type[ImportCancelled]
log = structlog.get_logger()


@dataclass(frozen=True)
class ControlPublisher:
    """Publishes what is asked of imports and replays, and waits for it to be known here."""

    publisher: PublishesEvents
    tail: Tail[ImportCache]

    async def caught_up(self) -> None:
        """Raise an `unavailable` problem unless all that was ever asked is known."""
        if not await self.tail.caught_up(SHOWN_SECONDS):
            raise _unavailable("The topic of imports cannot be read to its end just now.")

    async def control(self, id: str, kind: ControlKind) -> None:
        """Bring the import or replay under this control. Raises an `unavailable` problem; then the
        event may be in the log all the same, and asking again is safe."""
        await self.caught_up()
        controls = self.tail.view.controls
        for _ in range(MOST_EPOCHS):
            known = controls.of(id)
            if known.state in (STATES[kind], ControlState.CANCELLED):
                return
            event = kind(import_id=id, epoch=known.epoch + 1, at=datetime.now(UTC))
            await self.publish(event)
            if not await self.shown(lambda epoch=event.epoch: controls.of(id).epoch >= epoch):
                self.tail.view.apply(event)
            log.info("control.asked", import_id=id, epoch=event.epoch, kind=kind.__name__)
        raise _unavailable("Others are controlling it at this moment.")

    async def publish(self, event: Message) -> None:
        """Return when Kafka has acknowledged it; raises an `unavailable` problem."""
        try:
            await self.publisher.publish([event])
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("control.not_published", why=str(why), kind=type(event).__name__)
            raise _unavailable("Kafka did not acknowledge the request in time.") from why

    async def shown(self, known: Callable[[], bool]) -> bool:
        """Whether this is known from the log, or becomes so within `SHOWN_SECONDS`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_SECONDS):
                while not known():
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return known()


def _unavailable(sentence: str) -> Problem:
    message = f"{sentence} It is safe to repeat the request."
    return Problem("unavailable", message, {"Retry-After": "5"})

"""Pause, resume and cancel imports: events in `imports.requested`, each raising the epoch."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

import structlog
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from services.adapters.catalog.views.imports import ENDED_STATES
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache
from services.api.import_views import ImportReport
from services.api.keys import IMPORT, SCOPE, By
from services.api.problems import CONTROL, Problem, database_problems
from services.core.events import Asked, ImportCancelled, ImportPaused, ImportResumed
from services.core.flow.deduplication import KeyedLock
from services.core.ports import PublishesEvents

CATCH_UP_SECONDS = 2.0
READ_SECONDS = 2.0
ATTEMPTS = 5
AFTER_AN_OUTAGE = {"Retry-After": "5"}
Report = TypeVar("Report", covariant=True)
UserControl = ImportPaused | ImportResumed | ImportCancelled
log = structlog.get_logger()


@dataclass(frozen=True)
class RequestLog:
    """`imports.requested`, written, and read back by the tail. Raises `kafka_unavailable`."""

    publisher: PublishesEvents
    tail: Tail[ImportCache]

    async def check(self) -> None:
        """Return once everything that was requested before is known."""
        if not await self.tail.caught_up(CATCH_UP_SECONDS):
            raise Problem(
                "kafka_unavailable",
                "Kafka is not responding, so nothing was changed. Send the request again later.",
                AFTER_AN_OUTAGE,
            )

    async def publish(self, event: Asked, *, until_read: bool = True) -> None:
        """Return once Kafka has acknowledged the event. With `until_read`, all that lies before it
        is known, too: the tail has read it, or a bounded time has passed."""
        with self.tail.view.awaiting(event) as applied:
            await self._publish(event)
            if until_read:
                with suppress(TimeoutError):
                    async with asyncio.timeout(READ_SECONDS):
                        await applied.wait()
            self.tail.view.apply(event)  # else the next GET would show the old state

    async def _publish(self, event: Asked) -> None:
        try:
            await self.publisher.publish([event])
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("request.not_published", why=str(why), import_id=event.import_id)
            raise Problem(
                "kafka_unavailable",
                "Kafka did not acknowledge the request in time. It is safe to send it again.",
                AFTER_AN_OUTAGE,
            ) from why


class Controlled(Protocol):
    """The progress of an import or a replay."""

    @property
    def state(self) -> str: ...
    @property
    def epoch(self) -> int: ...


class ShowsControlled(Protocol[Report]):
    async def progress(self, id: str, /) -> Controlled: ...
    async def report(self, id: str, /) -> Report: ...


def check_not_ended(state: str) -> None:
    """Raises `import_ended`."""
    if state in ENDED_STATES:
        word = "was cancelled" if state == "cancelled" else f"has ended ({state})"
        again = "To import the folder again, start a new import."
        raise Problem("import_ended", f"The import {word}. {again}")


@dataclass(frozen=True)
class PublishesControl(Generic[Report]):
    """Of imports or of replays. The same control twice is one event, also when two requests come at
    once. `check_not_ended` raises for the states in which nothing can be controlled."""

    requests: RequestLog
    views: ShowsControlled[Report]
    check_not_ended: Callable[[str], None] = check_not_ended
    one_at_a_time: KeyedLock = field(default_factory=KeyedLock)

    async def apply(self, import_id: str, kind: type[UserControl], by: str) -> Report:
        """The report in the new state. Raises `Problem` for what is unknown or has ended."""
        await self.requests.check()
        async with self.one_at_a_time.holding(import_id):
            for _ in range(ATTEMPTS):
                row = await self.views.progress(import_id)
                if _is_so(row.state, kind):
                    return await self.views.report(import_id)
                self.check_not_ended(row.state)
                # Another api, or the indexer, may take the same epoch. Then the graver control
                # counts, and the next attempt takes a later epoch.
                await self.requests.publish(
                    kind(import_id=import_id, epoch=row.epoch + 1, at=datetime.now(UTC), by=by)
                )
                log.info("control.published", control=kind.__name__, import_id=import_id)
        raise Problem(
            "control_contested",
            "Another request is pausing, resuming or cancelling it. Send yours again in a second.",
            {"Retry-After": "1"},
        )


def _is_so(state: str, kind: type[UserControl]) -> bool:
    if kind is ImportCancelled:
        return state == "cancelled"
    return state not in ENDED_STATES and (state == "paused") == (kind is ImportPaused)


Control = NamedDependency[SkipValidation[PublishesControl[ImportReport]]]
ACCEPTED = "The request is accepted. The body shows the import in its new state."
PROBLEMS = database_problems("unknown_import", *CONTROL)


@post(
    "/imports/{import_id:str}/pause",
    opt={SCOPE: IMPORT},
    status_code=202,
    summary="Pause an import",
    responses=PROBLEMS,
    response_description=ACCEPTED,
)
async def pause_import(import_id: FromPath[str], control: Control, by: By) -> ImportReport:
    """Workers stop within seconds. Work in hand is cancelled, not finished, and leaves nothing in
    the store. Pausing an import that is paused changes nothing."""
    return await control.apply(import_id, ImportPaused, by)


@post(
    "/imports/{import_id:str}/resume",
    opt={SCOPE: IMPORT},
    status_code=202,
    summary="Resume a paused import",
    responses=PROBLEMS,
    response_description=ACCEPTED,
)
async def resume_import(import_id: FromPath[str], control: Control, by: By) -> ImportReport:
    """What has no outcome yet is worked on, and nothing else is fetched again. Resuming an import
    that is not paused changes nothing."""
    return await control.apply(import_id, ImportResumed, by)


@post(
    "/imports/{import_id:str}/cancel",
    opt={SCOPE: IMPORT},
    status_code=202,
    summary="Cancel an import",
    responses=PROBLEMS,
    response_description=ACCEPTED,
)
async def cancel_import(import_id: FromPath[str], control: Control, by: By) -> ImportReport:
    """For good: what is stored stays, and what is pending is never worked on. Cancelling an import
    that is cancelled changes nothing."""
    return await control.apply(import_id, ImportCancelled, by)

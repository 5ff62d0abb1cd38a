"""Is it alive, and can it do its work? With each part's own answer, in bounded time."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation
from msgspec import Struct

from services.adapters.catalog.views import ReadsCatalog
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.adapters.process import worker_id
from services.adapters.worker_status import publish_status
from services.api.known_imports import KnownImports
from services.core.errors import Verdict
from services.core.events import Message, Waiting, WorkerStatus
from services.core.ports import PublishesEvents

CHECK_SECONDS = 4.0
KAFKA_SILENCE_SECONDS = 10.0
CONNECT_SECONDS = 1.0
LOOK_EVERY_SECONDS, SAY_EVERY_SECONDS = 1.0, 3.0

log = structlog.get_logger()


class Check(Struct, frozen=True):
    """One part's answer."""

    ok: bool
    detail: str


class Alive(Struct, frozen=True):
    """The process answers; nothing else was asked."""

    status: Literal["alive"] = "alive"


class Ready(Struct, frozen=True):
    """Whether everything that requests need is there."""

    status: Literal["ready", "not_ready"]
    checks: Mapping[str, Check]


class _WhileReachable:
    """Publishes while Kafka answers, else nothing: what is queued for an absent broker would hold
    up the end of the process."""

    def __init__(self, publisher: PublishesEvents, tail: Tail[KnownImports]) -> None:
        self._publisher = publisher
        self._tail = tail

    async def publish(self, events: Sequence[Message]) -> None:
        """As the port says, but for errors: a lost status is followed by another."""
        reachable = self._tail.state.trouble is None
        if reachable or await asyncio.to_thread(self._tail.wait, CONNECT_SECONDS):
            with suppress(KafkaUnavailableError):
                await self._publisher.publish(events)


class Readiness:
    """Asks Kafka's tail and the database."""

    def __init__(self, tail: Tail[KnownImports], catalog: ReadsCatalog) -> None:
        self._tail = tail
        self._catalog = catalog
        self._missing: tuple[str, ...] = ("a first look",)

    async def check(self) -> Ready:
        """Every part's answer, within `CHECK_SECONDS`."""
        checks = {"kafka": self._kafka(), "database": await self._database()}
        ready = all(check.ok for check in checks.values())
        return Ready("ready" if ready else "not_ready", checks)

    async def watch(self) -> None:
        """For ever: say what is waited for every few seconds, and when all is there."""
        was_ready, said_at = False, time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            now = await self.check()
            self._missing = tuple(name for name, check in now.checks.items() if not check.ok)
            if now.status == "ready" and not was_ready:
                log.info("api.ready")
            elif now.status != "ready" and time.monotonic() - said_at >= SAY_EVERY_SECONDS:
                waiting = {name: c.detail for name, c in now.checks.items() if not c.ok}
                log.warning("api.waiting", **waiting)
                said_at = time.monotonic()
            was_ready = now.status == "ready"

    async def tell(self, publisher: PublishesEvents) -> None:
        """For ever: what this process is doing, to `workers.status`."""
        await publish_status(_WhileReachable(publisher, self._tail), self._status)

    def _status(self) -> WorkerStatus:
        return WorkerStatus(
            worker_id=worker_id("api"),
            service="api",
            state="waiting" if self._missing else "running",
            waiting_for=self._waiting(),
            at=datetime.now(UTC),
        )

    def _waiting(self) -> Waiting | None:
        missing = ", ".join(self._missing)
        return Waiting(reason="not_ready", message=missing) if missing else None

    def _kafka(self) -> Check:
        state = self._tail.state
        silence = time.monotonic() - state.answered_at
        if state.trouble is not None:
            return Check(False, f"the log of imports cannot be read: {state.trouble}")
        if silence > KAFKA_SILENCE_SECONDS:
            return Check(False, f"Kafka has not answered for {silence:.0f} seconds")
        if not state.caught_up:
            return Check(False, "the log of imports is still being read")
        return Check(True, "the log of imports is read to its end")

    async def _database(self) -> Check:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._catalog.check()
        except Verdict as why:
            return Check(False, why.message)
        except TimeoutError:
            return Check(False, f"no answer within {CHECK_SECONDS:.0f} seconds")
        except Exception as why:
            log.exception("database.check_failed")
            return Check(False, f"the check failed: {type(why).__name__}")
        return Check(True, "the database answers and has its tables")


Checks = NamedDependency[SkipValidation[Readiness]]


@get("/health/live", operation_id="getLiveness", summary="Is the process alive?")
async def live() -> Alive:
    """Depends on nothing, so that no orchestrator restarts us for somebody else's outage."""
    return Alive()


@get(
    "/health/ready",
    operation_id="getReadiness",
    summary="Can it do its work?",
    responses={
        503: ResponseSpec(Ready, description="Something is missing.", generate_examples=False)
    },
)
async def ready(readiness: Checks) -> Response[Ready]:
    """200 if everything is there, else 503; with each part's answer."""
    answer = await readiness.check()
    return Response(answer, status_code=200 if answer.status == "ready" else 503)

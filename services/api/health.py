"""Liveness and readiness, with the answer of each part, within bounded time."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation
from msgspec import Struct

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.read_pool import said_by_server
from services.adapters.catalog.replica import ReplicaWatch
from services.adapters.kafka.tail import Tail
from services.adapters.process import publish_status, worker_status
from services.api.import_cache import ImportCache
from services.api.keys import OPEN, SCOPE
from services.api.problems import problem_specs
from services.api.waiting import service_waits
from services.api.worker_cache import WorkerCache
from services.core.errors import Verdict
from services.core.events import Message, Waiting, WorkerStatus
from services.core.ports import PublishesEvents

CHECK_SECONDS = 4.0
KAFKA_SILENCE_SECONDS = 10.0
LOG_EVERY_SECONDS = 3.0
WORKERS = ("lister", "transfer", "indexer")
log = structlog.get_logger()


class Check(Struct, frozen=True):
    ok: bool
    detail: str


class Ready(Struct, frozen=True):
    status: Literal["ready", "degraded", "not_ready"]
    checks: Mapping[str, Check]


@dataclass
class Readiness:
    """Checks Kafka and the database, and publishes whether this process is ready."""

    tail: Tail[ImportCache]
    catalog: ReadsCatalog
    publisher: PublishesEvents
    workers: Tail[WorkerCache] | None = None
    replica: ReplicaWatch | None = None
    lacks: str = ""
    """What cannot work for want of credentials of Google's."""
    missing: Mapping[str, str] = field(default_factory=lambda: {"the first check": ""})
    other_version: str = ""
    """Of tables that can be read, and are older or newer than they should be."""
    _refusal: str = ""

    async def check(self) -> Ready:
        checks = {"kafka": self._kafka(), "database": await self._database()}
        if not all(check.ok for check in checks.values()):
            return Ready("not_ready", checks)
        checks |= {**self._waiting(), **self._replica()}
        if self.other_version:
            checks["tables"] = Check(False, self.other_version)
        if self.lacks:
            checks["google_drive"] = Check(False, self.lacks)
        well = all(check.ok for check in checks.values())
        return Ready("ready" if well else "degraded", checks)

    def _replica(self) -> Mapping[str, Check]:
        if self.replica is None:
            return {}
        trouble = self.replica.trouble
        return {"replica": Check(trouble is None, trouble or "lists of images come from it")}

    def _waiting(self) -> Mapping[str, Check]:
        """The services of which every worker waits: requests are answered, and little is done."""
        if self.workers is None or not self.workers.state.caught_up:
            return {}
        now = datetime.now(UTC)
        known = self.workers.view.newest(now)
        waits = {service: service_waits(service, now, known, now) for service in WORKERS}
        return {
            service: Check(False, f"{why.message}{_until(why)}")
            for service, why in waits.items()
            if why is not None
        }

    async def watch(self) -> None:
        logged_at = time.monotonic()
        while True:
            await asyncio.sleep(1.0)
            answer = await self.check()
            checks = answer.checks if answer.status == "not_ready" else {}
            was_missing = self.missing
            self.missing = {name: check.detail for name, check in checks.items() if not check.ok}
            if was_missing and not self.missing:
                log.info("api.ready")
            elif self.missing and time.monotonic() - logged_at >= LOG_EVERY_SECONDS:
                log.warning("api.waiting", **self.missing, **self._said())
                logged_at = time.monotonic()

    def _said(self) -> Mapping[str, str]:
        """PostgreSQL's own words. They have its host and user, so they are for the log only."""
        said = self._refusal if "database" in self.missing else ""
        return {"postgresql_said": said} if said else {}

    async def publish_status(self) -> None:
        await self.tail.caught_up(seconds=1.0)  # so that the first status is not dropped
        await publish_status(self, self._status)

    async def publish(self, events: Sequence[Message]) -> None:
        # Events that are queued for an absent broker would delay the exit.
        if self.tail.state.trouble is None:
            await self.publisher.publish(events)

    def _status(self) -> WorkerStatus:
        message = f"Waiting for {', '.join(self.missing)}."
        waiting = Waiting(reason="not_ready", message=message) if self.missing else None
        return worker_status("api", waiting)

    def _kafka(self) -> Check:
        state = self.tail.state
        silence = time.monotonic() - state.answered_at
        if state.trouble is not None:
            return Check(False, f"the imports topic cannot be read: {state.trouble}")
        if silence > KAFKA_SILENCE_SECONDS:
            return Check(False, f"Kafka has not answered for {silence:.0f} seconds")
        if not state.caught_up:
            return Check(False, "the imports topic is still being read")
        return Check(True, "the imports topic is read to its end")

    async def _database(self) -> Check:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                self.other_version = await self.catalog.check()
        except Verdict as why:
            self._refusal = said_by_server(why)
            return Check(False, why.message)
        except TimeoutError:
            return Check(False, f"no answer within {CHECK_SECONDS:.0f} seconds")
        except Exception as why:
            log.exception("database.check_failed")
            return Check(False, f"the check failed: {type(why).__name__}")
        return Check(True, "the database answers and has its tables")


def _until(why: Waiting) -> str:
    return "" if why.until is None else f" (until {why.until.isoformat(timespec='seconds')})"


@get(
    "/health/live",
    opt={SCOPE: OPEN},
    summary="Check that the process is alive",
    responses=problem_specs("bad_parameter"),
)
async def get_liveness() -> dict[str, str]:
    """Checks no other server, so an outage elsewhere does not restart the API."""
    return {"status": "alive"}


@get(
    "/health/ready",
    opt={SCOPE: OPEN},
    summary="Check that the API is ready for requests",
    responses={
        503: ResponseSpec(Ready, description="It is not ready.", generate_examples=False),
        **problem_specs("bad_parameter"),
    },
)
async def get_readiness(readiness: NamedDependency[SkipValidation[Readiness]]) -> Response[Ready]:
    """200 if every part answers, else 503, with the answer of each part. `degraded` is 200 too: a
    service waits, and is named with what it waits for, and until when if that is known; or the read
    replica (`DATABASE_READ_URL`) is not used; or the tables are of another version; or there are no
    credentials for Google Drive."""
    answer = await readiness.check()
    return Response(answer, status_code=503 if answer.status == "not_ready" else 200)

"""Starting imports: publish the request, remember it, and say which import it is."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.api.known_imports import KnownImports
from services.api.problems import Problem
from services.api.submission import Submission, repeats, request_of
from services.core.ports import PublishesEvents

CATCH_UP_SECONDS = 2.0

log = structlog.get_logger()


class ImportStarter:
    """Answers once Kafka has acknowledged. One request for one job id at a time."""

    def __init__(
        self, publisher: PublishesEvents, tail: Tail[KnownImports], now: Callable[[], datetime]
    ) -> None:
        self._publisher = publisher
        self._tail = tail
        self._now = now
        self._under_way: set[str] = set()

    async def start(self, submission: Submission) -> None:
        """Publish the import, unless this very one was asked for; raises `Problem`."""
        job = str(submission.job_id)
        if job in self._under_way:
            raise Problem(
                "import_under_way",
                "A request with this Idempotency-Key is being answered now; repeat it in a second.",
                retry_after=1,
            )
        self._under_way.add(job)
        try:
            await self._start(job, submission)
        finally:
            self._under_way.discard(job)

    async def _start(self, job: str, submission: Submission) -> None:
        known = self._tail.known
        caught_up = await asyncio.to_thread(self._tail.wait, CATCH_UP_SECONDS)
        found = known.get(job)
        if repeats(submission, found.request if found else None):
            return
        # Without the whole log nobody can say that a folder is new, and looking first is safe.
        seen_before = known.meet(submission.link.folder_id) or not caught_up
        await self._publish(known, submission, seen_before)

    async def _publish(self, known: KnownImports, asked: Submission, seen_before: bool) -> None:
        request = request_of(asked, seen_before=seen_before, now=self._now())
        try:
            await self._publisher.publish([request])
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("import.not_queued", import_id=request.import_id, why=str(why))
            raise Problem(
                "not_queued",
                "Kafka did not acknowledge the request in time, so the import may not have "
                "started. It is safe to repeat the request with the same Idempotency-Key.",
            ) from why
        known.add(request)  # not a 404 in the moment before the tail reads it
        log.info(
            "import.requested",
            import_id=request.import_id,
            folder_id=request.folder_id,
            mode=request.mode.value,
        )

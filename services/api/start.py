"""Starts imports: publishes the request and remembers it."""

from collections.abc import Callable
from datetime import datetime

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache
from services.api.problems import Problem
from services.api.submission import Submission, repeats, request_of
from services.core.ports import PublishesEvents

CATCH_UP_SECONDS = 2.0

log = structlog.get_logger()


class ImportStarter:
    """Returns once Kafka has acknowledged. For one job id there is one request at a time."""

    def __init__(
        self, publisher: PublishesEvents, tail: Tail[ImportCache], now: Callable[[], datetime]
    ) -> None:
        self._publisher = publisher
        self._tail = tail
        self._now = now
        self._under_way: set[str] = set()

    async def start(self, submission: Submission) -> None:
        """Publish the import, unless it was requested before; raises `Problem`."""
        job = str(submission.job_id)
        if job in self._under_way:
            raise Problem(
                "import_under_way",
                "A request with this Idempotency-Key is in progress. Repeat it in a second.",
                retry_after=1,
            )
        self._under_way.add(job)
        try:
            await self._start(job, submission)
        finally:
            self._under_way.discard(job)

    async def _start(self, job: str, submission: Submission) -> None:
        cache = self._tail.view
        caught_up = await self._tail.caught_up(CATCH_UP_SECONDS)
        if repeats(submission, cache.request(job)):
            return
        # Only the whole topic says that a folder is new. Comparing with what is stored is safe.
        seen_before = cache.folder_seen(submission.link.folder_id) or not caught_up
        await self._publish(submission, seen_before)

    async def _publish(self, asked: Submission, seen_before: bool) -> None:
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
        self._tail.view.apply(request)  # no 404 until the tail has read it
        log.info(
            "import.requested",
            import_id=request.import_id,
            folder_id=request.folder_id,
            mode=request.mode.value,
        )

"""What a process tells about itself on `workers.status`: now and then, and when it ends."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from services.core.events import WorkerStatus
from services.core.ports import PublishesEvents
from services.core.quota import QuotaState

EVERY_SECONDS = 10.0
LAST_WORD_SECONDS = 2.0


async def keep_telling(
    publisher: PublishesEvents,
    look: Callable[[], WorkerStatus],
    *,
    every: float = EVERY_SECONDS,
) -> None:
    """Publish what `look()` sees until cancelled, then once more as `stopped`.

    The last word is best effort: a broker that is away must not hold the exit up.
    """
    try:
        while True:
            await publisher.publish([look()])
            await asyncio.sleep(every)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await publisher.publish([replace(look(), state="stopped", waiting_for=None)])


def with_quota(status: WorkerStatus, quota: QuotaState) -> WorkerStatus:
    """The status of a worker that spends quota."""
    return replace(
        status,
        quota_share=quota.share,
        quota_limit=quota.limit,
        quota_allowed=quota.allowed,
        quota_used=quota.used,
        quota_refused=quota.refused,
        quota_waiting=quota.waiting,
    )

"""Retry what failed in an import: `RetryRequested` events, at a round that is new to all."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Annotated

import msgspec
import structlog
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from services.adapters.catalog.views.imports import ImportProgress, RetryFilter
from services.api import bodies
from services.api.control import ATTEMPTS, READ_SECONDS, RequestLog, check_not_ended
from services.api.import_views import ImportViews
from services.api.keys import IMPORT, SCOPE, By
from services.api.problems import RETRY, AnyRequest, Problem, database_problems
from services.core.events import Id, Reason, RetryRequested
from services.core.flow.deduplication import KeyedLock

MOST_IDS = 1_000
"""In one event, and in the body of a request."""
POLL_SECONDS = 0.05
Chosen = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MOST_IDS)]
log = structlog.get_logger()


class RetryBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Reason | UnsetType = UNSET
    files: Chosen | UnsetType = UNSET
    folders: Chosen | UnsetType = UNSET


class Retried(Struct, frozen=True, kw_only=True):
    """How many are tried again, and in which round."""

    files: int = 0
    folders: int = 0
    round: int


def parse_retry(body: bytes) -> RetryFilter:
    """What to try again; raises `not_json` and `bad_retry`."""
    asked = bodies.parsed(body or b"{}", RetryBody, refused="bad_retry", not_json="not_json")
    given = {name: value for name, value in msgspec.structs.asdict(asked).items() if value != UNSET}
    if len(given) > 1:
        raise Problem(
            "bad_retry", "reason, files and folders cannot be combined. Send only one of them."
        )
    return RetryFilter(**given)


@dataclass(frozen=True)
class ImportRetry:
    """For one import there is one retry at a time."""

    requests: RequestLog
    views: ImportViews
    one_at_a_time: KeyedLock = field(default_factory=KeyedLock)

    async def retry(self, import_id: str, wanted: RetryFilter, by: str) -> Retried:
        """Return once the rows show what is tried again, or a bounded time has passed.

        Raises `unknown_import`, `import_ended` for one that was cancelled, and others.
        """
        await self.requests.check()
        async with self.one_at_a_time.holding(import_id):
            row = await self.views.progress(import_id)
            if row.state == "cancelled":
                check_not_ended(row.state)
            # Rows from before the last retry would name again what is being tried already.
            if not await self._indexed(import_id):
                raise _under_way()
            retried = await self._publish(row, wanted, by)
            await self._indexed(import_id)
        log.info("import.retried", import_id=import_id, **msgspec.structs.asdict(retried))
        return retried

    async def _publish(self, row: ImportProgress, wanted: RetryFilter, by: str) -> Retried:
        """As many parts as it takes. The files are read part by part, so that a million of them
        need no more memory than a thousand."""
        folders = await self._folders(row.id, wanted)
        event = RetryRequested(
            import_id=row.id, epoch=row.epoch, round=row.round, at=datetime.now(UTC), by=by
        )
        after, files = None, 0
        for part in count():
            ids = await self.views.catalog.files_to_retry(
                row.id, wanted, after=after, limit=MOST_IDS
            )
            start = part * MOST_IDS
            last = len(ids) < MOST_IDS and len(folders) < start + MOST_IDS
            if part == 0 and not ids and not folders:
                return Retried(round=row.round)
            files, after = files + len(ids), ids[-1] if ids else after
            event = replace(
                event,
                part=part,
                last=last,
                files=tuple(ids),
                folders=tuple(folders[start : start + MOST_IDS]),
            )
            if part == 0:
                event = await self._begin(event)
            else:
                await self.requests.publish(event, until_read=last)
            if last:
                break
        return Retried(files=files, folders=len(folders), round=event.round)

    async def _begin(self, first: RetryRequested) -> RetryRequested:
        """Publish the first part at a new round. Another api may take the same one; whoever comes
        first in the log has it. An outcome of the first retry must not count as one of the second.
        """
        view = self.requests.tail.view
        for _ in range(ATTEMPTS):
            first = replace(first, round=view.next_round(first.round))
            await self.requests.publish(first)
            if view.has_its_round(first):
                return first
        raise _under_way()

    async def _folders(self, import_id: str, wanted: RetryFilter) -> Sequence[str]:
        folders: list[str] = []
        while page := await self.views.catalog.folders_to_retry(
            import_id, wanted, after=folders[-1] if folders else None, limit=MOST_IDS
        ):
            folders += page
        return folders

    async def _indexed(self, import_id: str) -> bool:
        """Whether the indexer has written the newest retry, or does so within a bounded time."""
        wanted = self.requests.tail.view.retry_round(import_id)
        until = time.monotonic() + READ_SECONDS
        while time.monotonic() < until:
            row = (await self.views.catalog.imports_by_id([import_id])).get(import_id)
            if wanted <= (row.round if row else 0):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False


BODY = bodies.described(
    {
        "reason": bodies.text(
            "Retry what failed for this reason. Send one of the three fields, or none to retry "
            "everything."
        ),
        "files": bodies.texts("Retry these files, by Drive id."),
        "folders": bodies.texts("List these folders again, by Drive id."),
    },
    {"reason": "download_quota_exceeded"},
    needed=False,
)


def _under_way() -> Problem:
    return Problem(
        "retry_under_way",
        "The previous retry is still being recorded. Send the request again in a few seconds.",
        {"Retry-After": "2"},
    )


@post(
    "/imports/{import_id:str}/retry",
    opt={SCOPE: IMPORT},
    status_code=202,
    operation_class=BODY,
    summary="Retry what failed in an import",
    responses=database_problems("unknown_import", *RETRY),
    response_description="The retry is accepted. What it retries counts as pending.",
)
async def retry_import(
    request: AnyRequest,
    import_id: FromPath[str],
    retry: NamedDependency[SkipValidation[ImportRetry]],
    by: By,
) -> Retried:
    """Retries failed files and folders: all of them, those with a reason, or those you name.
    Files that did not fail are left alone, and stored files are not downloaded again."""
    return await retry.retry(import_id, parse_retry(await bodies.body_of(request)), by)

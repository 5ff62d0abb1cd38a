"""What a link leads to, before anything is started: listed for at most five seconds.

A preview counts as the lister does, but it follows no shortcut inside a folder: it takes the type
that a shortcut was made with. It pays from the quota's own share, so it slows no import down.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from litestar import post
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from services.api import problems
from services.api.bodies import body_of
from services.api.imports import LinkOperation, link_in
from services.api.keys import IMPORT, SCOPE
from services.api.preview_listing import Reader, Tally, list_all
from services.api.preview_samples import PreviewSample, Samples
from services.api.problems import AnyRequest, Problem, problem_specs
from services.api.worker_cache import SILENT_AFTER, WorkerCache
from services.core.errors import NOT_FOUND, SetAside
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.folder_link import FolderLink
from services.core.ports import PreviewsFolders, SpendsQuota

SECONDS = 4.5
"""Of the whole preview; the rest of five seconds is for the answer."""
MOST_PREVIEWS = 8
DOWNLOAD_UNITS = 200
OpensDrive = Callable[[SpendsQuota], AbstractAsyncContextManager[PreviewsFolders]]


class Preview(Struct, frozen=True, kw_only=True):
    """What was seen of a folder. If it is not `complete`, there may be more: `stopped_by` says why
    the listing stopped. `bytes` are those of the images. `seconds` is the time in which Drive's
    quota lets so many be copied, null without one. `names` are a few images; `samples` are the
    first of them, with thumbnails."""

    folder_id: str
    folder_url: str
    name: str
    complete: bool
    stopped_by: str | None
    images: int
    bytes: int
    types: Mapping[str, int]
    skipped: Mapping[str, int]
    folders: int
    folders_listed: int
    folders_failed: Mapping[str, int]
    names: Sequence[str]
    samples: Sequence[PreviewSample]
    quota_units: int
    seconds: float | None


def our_part(workers: WorkerCache) -> Callable[[], float]:
    """Of the quota for previews: the processes of the API share it evenly."""

    def part() -> float:
        now = datetime.now(UTC)
        api = [
            worker
            for worker in workers.newest(now)
            if worker.service == "api" and worker.state != "stopped"
            if now - worker.at <= SILENT_AFTER
        ]
        return 1 / max(1, len(api))

    return part


@dataclass(eq=False)
class Previews:
    """`run` closes what the first preview opened."""

    open_drive: OpensDrive
    quota: QuotaSettings
    limiter: QuotaLimiter
    _opened: AsyncExitStack = field(default_factory=AsyncExitStack)
    _drive: PreviewsFolders | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _running: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with self._opened:
            await asyncio.Event().wait()

    async def of(self, body: bytes) -> Preview:
        """Raises `Problem`."""
        link = link_in(body)
        if self._running >= MOST_PREVIEWS:
            raise Problem(
                "previews_busy",
                "Too many previews are being made. Send the request again in a few seconds.",
                {"Retry-After": "5"},
            )
        self._running += 1
        try:
            async with Samples(self._connected) as samples:
                return await self._of(link, samples)
        finally:
            self._running -= 1

    async def _of(self, link: FolderLink, samples: Samples) -> Preview:
        tally, name = Tally(on_image=samples.add), None
        deadline = asyncio.get_running_loop().time() + SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                reader = Reader(await self._connected())
                name, page = await reader.root(link)
                tally.begin(link, page)
                await list_all(reader, tally)
        except TimeoutError:
            tally.stopped_by = "time"
        except SetAside as why:
            raise Problem(_code(why.reason, "folder_refused"), why.message) from why
        if name is None:
            raise Problem(
                "drive_slow",
                "Google Drive did not answer within 5 seconds. The folder can be imported all the "
                "same, or send the request again.",
                {"Retry-After": "5"},
            )
        return self._told(link, name, tally, await samples.fetched_by(deadline))

    async def _connected(self) -> PreviewsFolders:
        async with self._opening:
            if self._drive is None:
                self._drive = await self._opened.enter_async_context(self.open_drive(self.limiter))
            return self._drive

    def _told(
        self, link: FolderLink, name: str, tally: Tally, samples: Sequence[PreviewSample]
    ) -> Preview:
        units = tally.images * (1 if self.quota.counts_requests else DOWNLOAD_UNITS)
        a_second = self.quota.per_minute * self.quota.shares.get("transfer", 0) / 60
        return Preview(
            folder_id=link.folder_id,
            folder_url=link.url,
            name=name,
            complete=not (tally.stopped_by or tally.waiting or tally.failed),
            stopped_by=tally.stopped_by,
            images=tally.images,
            bytes=tally.bytes,
            types=dict(tally.types.most_common(50)),
            skipped=dict(tally.skipped),
            folders=tally.folders,
            folders_listed=tally.listed,
            folders_failed=dict(tally.failed),
            names=tally.names,
            samples=samples,
            quota_units=units,
            seconds=round(units / a_second, 1) if a_second else None,
        )


def _code(reason: str, otherwise: str) -> str:
    code = "folder_not_found" if reason == NOT_FOUND else reason
    return code if code in problems.PREVIEW else otherwise


@post(
    "/imports/preview",
    status_code=200,
    opt={SCOPE: IMPORT},
    operation_class=LinkOperation,
    summary="Preview a Google Drive folder",
    description="What the link leads to, within 5 seconds and before anything is started: its "
    "name, and what it holds as far as was seen by then. It is paid from Drive's quota for "
    "previews.",
    responses=problem_specs(*problems.PREVIEW),
)
async def preview_folder(
    request: AnyRequest, previews: NamedDependency[SkipValidation[Previews]]
) -> Preview:
    return await previews.of(await body_of(request))

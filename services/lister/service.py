"""Lists pages, and publishes what follows from them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from services.adapters.kafka.ranges import RangeReader
from services.core import events as e
from services.core.errors import NOT_FOUND, CoolDown, Outage, SetAside, Stop
from services.core.flow.circuit_breaker import OTHERS_SUCCEED, PATIENCE, SYSTEM_ANSWERS
from services.core.flow.deduplication import KeyedLock, LruSet
from services.core.flow.resilience import Resilience
from services.core.listing import Targets, check_is_folder, page_of_root
from services.core.ports import Entry, Page, PublishesEvents, ReadsFolders, Received, Target
from services.lister import pages
from services.lister.pages import PageFacts
from services.lister.passes import FolderEvent, derived, page_size
from services.lister.recovery import Recovery
from services.lister.replay import Replays

T = TypeVar("T")
LOOK_UPS_AT_ONCE = 8
IMPATIENT = OTHERS_SUCCEED
"""For names and targets. One page may need a thousand look-ups, so none may delay it for long."""
log = structlog.get_logger("lister")


class DriveReader:
    """Raises only `SetAside`, also for a key that Google refuses: the import then fails with a
    message instead of waiting for ever."""

    def __init__(self, drive: ReadsFolders, calls: Resilience) -> None:
        self._drive = drive
        self._calls = calls
        self._look_ups = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def page(self, request: e.PageRequested) -> Page:
        return await self._call(
            lambda: self._drive.list_page(
                request.folder_id,
                token=request.token,
                resource_key=request.resource_key,
                page_size=page_size(request),
                ids_only=request.confirms,
            )
        )

    async def look_up(self, item_id: str, key: str | None, patience: float = PATIENCE) -> Entry:
        return await self._call(lambda: self._drive.look_up(item_id, resource_key=key), patience)

    async def targets(self, wanted: Sequence[Target]) -> Targets:
        """After `LOOK_UPS_AT_ONCE` failures, Drive's health check is reason enough to give up on a
        target. Otherwise a thousand of them would take hours, one after the other."""
        failures = 0

        async def look_up(target: Target) -> Entry | SetAside:
            nonlocal failures
            async with self._look_ups:
                patience = IMPATIENT if failures < LOOK_UPS_AT_ONCE else SYSTEM_ANSWERS
                try:
                    return await self.look_up(target.id, target.resource_key, patience)
                except SetAside as why:
                    failures += why.reason != NOT_FOUND
                    return why

        found = await asyncio.gather(*map(look_up, wanted))
        return {target.id: item for target, item in zip(wanted, found, strict=True)}

    async def _call(self, act: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
        async def refusal_is_final() -> T:
            try:
                return await act()
            except (CoolDown, Outage):
                raise
            except Stop as why:
                raise SetAside(why.reason, why.message) from why

        return await self._calls.call(refusal_is_final, patience=patience)


class Lister:
    """`HandlesMessages` for imports and pages that were requested."""

    def __init__(
        self,
        drive: DriveReader,
        publisher: PublishesEvents,
        open_log: Callable[[], RangeReader],
        replays: Replays,
    ) -> None:
        self._drive = drive
        self._publisher = publisher
        self._recovery = Recovery(open_log, publisher, self._start)
        self._replays = replays
        self._listed = LruSet[e.Identity]()
        self._in_progress = KeyedLock()

    async def handle(self, event: e.Message, received: Received) -> None:
        """Start the import, list the page, or publish again what an import lacks."""
        del received  # listing a page again changes nothing
        match event:
            case e.ImportRequested():
                await self._start(event)
            case e.PageRequested():
                await self._list(event)
            case e.ReplayRequested():
                await self._replays.begin(event)
            case e.ImportResumed(import_id=id) | e.ImportStalled(import_id=id) if id.startswith(
                e.REPLAY
            ):
                await self._replays.begin(event)
            case e.ImportResumed() | e.ImportStalled() | e.RetryRequested():
                await self._recovery.recover(event)
            case e.LogPartRequested(why="replay"):
                await self._replays.replay_part(event)
            case e.LogPartRequested():
                await self._recovery.recover_part(event)

    async def set_aside(self, event: e.Message, received: Received, why: SetAside) -> None:
        del received
        if isinstance(event, e.Event) and event.import_id.startswith(e.REPLAY):
            await self._replays.fail(event, why)
        elif isinstance(event, e.ImportRequested | e.PageRequested):
            failed = derived(e.FolderFailed, event, why, failed_at=datetime.now(UTC))
            await self._publisher.publish([failed])

    async def _start(self, request: e.ImportRequested) -> None:
        key = request.resource_key
        try:
            name = (await self._drive.look_up(request.folder_id, key, IMPATIENT)).name
        except SetAside:  # the listing will show why
            name = ""
        if name:
            named = derived(e.FolderNamed, request, name=name, named_at=datetime.now(UTC))
            await self._publisher.publish([named])
        await self._publisher.publish([derived(e.PageRequested, request)])

    async def _list(self, request: e.PageRequested) -> None:
        """List the page, unless this process has listed it already.

        A page can be requested twice: its folder has two parents, Drive repeats an entry, or Kafka
        delivers a message again. A page is remembered only once everything that follows from it was
        acknowledged, so skipping it loses nothing.
        """
        page = (*request.identity, request.round)  # a later epoch or round lists it again
        async with self._in_progress.holding(page):
            if page in self._listed:
                return
            outcome = await self._outcome(request)
            await self._publish(outcome)
            # A folder that was not found may be found by another path, which has its resource key.
            # Other failures took long, so a thousand shortcuts must not each repeat them.
            if not isinstance(outcome, e.FolderFailed) or outcome.reason != NOT_FOUND:
                self._listed.add(page)

    async def _outcome(self, request: e.PageRequested) -> PageFacts | FolderEvent:
        page_log = log.bind(import_id=request.import_id, folder_id=request.folder_id)
        try:
            page, targets = await self._read(request)
            facts = pages.page_facts(request, page, datetime.now(UTC), targets)
            if (
                facts.manifest.closes
                and request.ancestors
                and not (page.entries or request.seen.count)
            ):
                folder = await self._drive.look_up(request.folder_id, request.resource_key)
                check_is_folder(folder)
        except SetAside as why:
            page_log.warning("lister.page_failed", reason=why.reason, why=why.message)
            return pages.without_page(request, why, datetime.now(UTC))
        doubt = facts.manifest.doubt
        if doubt is not None:
            page_log.info("lister.listed_again", pass_number=request.pass_number, doubt=doubt)
        return facts

    async def _read(self, request: e.PageRequested) -> tuple[Page, Targets]:
        """The page, and what its shortcuts point to."""
        is_root = not request.ancestors and request.page_number == 0
        refused = None
        try:
            page = await self._drive.page(request)
        except SetAside as why:
            if why.reason != NOT_FOUND or not is_root:
                raise
            refused, page = why, Page(entries=())
        if is_root and not (page.entries or page.next_token or page.incomplete):
            return await page_of_root(self._drive, request.folder_id, request.resource_key, refused)
        wanted = () if request.confirms else pages.targets_of(request, page.entries)
        return page, await self._drive.targets(wanted)

    async def _publish(self, outcome: PageFacts | FolderEvent) -> None:
        """Each group waits for the acknowledgement of the one before it. If the manifest came first
        and a crash lost the rest, the page might differ when it is listed again, and the import
        would wait for ever for what only the manifest named."""
        if not isinstance(outcome, PageFacts):
            await self._publisher.publish([outcome])
            return
        await self._publisher.publish([*outcome.files, *outcome.folders])
        await self._publisher.publish([outcome.manifest])
        if outcome.next_page is not None:
            await self._publisher.publish([outcome.next_page])

"""Lists pages, and publishes what follows from them."""

from datetime import UTC, datetime

import structlog

from services.core import events as e
from services.core.errors import NOT_FOUND, SetAside
from services.core.flow.deduplication import KeyedLock, LruSet
from services.core.ports import PublishesEvents
from services.lister import pages
from services.lister.drive_reader import DriveReader
from services.lister.pages import PageFacts
from services.lister.passes import derived, failed

Outcome = PageFacts | e.PageRequested | e.FolderFailed
log = structlog.get_logger("lister")


class Lister:
    """`HandlesMessages` for imports and pages that were requested."""

    def __init__(self, drive: DriveReader, publisher: PublishesEvents) -> None:
        self._drive = drive
        self._publisher = publisher
        self._listed = LruSet[e.Identity]()
        self._in_progress = KeyedLock()

    async def handle(self, event: e.Message, *, redelivered: bool) -> None:
        """Start the import, or list the page. Control events ask nothing of the lister yet."""
        del redelivered  # listing a page again changes nothing
        if isinstance(event, e.ImportRequested):
            await self._start(event)
        elif isinstance(event, e.PageRequested):
            await self._list(event)

    async def set_aside(self, event: e.Message, why: SetAside) -> None:
        """Publish the folder's failure."""
        request = pages.first_page(event) if isinstance(event, e.ImportRequested) else event
        if isinstance(request, e.PageRequested):
            await self._publisher.publish([failed(request, why, datetime.now(UTC))])

    async def _start(self, request: e.ImportRequested) -> None:
        name = await self._drive.name(request.folder_id, request.resource_key)
        if name is not None:
            named = derived(e.FolderNamed, request, name=name, named_at=datetime.now(UTC))
            await self._publisher.publish([named])
        await self._publisher.publish([pages.first_page(request)])

    async def _list(self, request: e.PageRequested) -> None:
        """List the page, unless this process has listed it already.

        A page can be requested twice: its folder has two parents, Drive repeats an entry, or Kafka
        delivers a message again. All requests for a page share a partition, so most of them reach
        the same process. A page is remembered only once everything that follows from it was
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

    async def _outcome(self, request: e.PageRequested) -> Outcome:
        page_log = log.bind(import_id=request.import_id, folder_id=request.folder_id)
        try:
            page = await self._drive.page(request)
            wanted = () if request.confirms else pages.targets_of(request, page.entries)
            targets = await self._drive.targets(wanted)
            facts = pages.page_facts(request, page, datetime.now(UTC), targets)
            if facts.manifest.closes and not (page.entries or request.seen.count):
                pages.check_is_folder(
                    await self._drive.look_up(request.folder_id, request.resource_key)
                )
        except SetAside as why:
            page_log.warning("lister.page_failed", reason=why.reason, why=why.message)
            return pages.without_page(request, why, datetime.now(UTC))
        doubt = facts.manifest.doubt
        if doubt is not None:
            page_log.info("lister.listed_again", pass_number=request.pass_number, doubt=doubt)
        return facts

    async def _publish(self, outcome: Outcome) -> None:
        """Publish each group once the group before it was acknowledged.

        The manifest follows everything that it names. If it came first and a crash lost the rest,
        the page might differ when it is listed again, and the import would wait for ever for what
        only the manifest named.
        """
        if not isinstance(outcome, PageFacts):
            await self._publisher.publish([outcome])
            return
        await self._publisher.publish([*outcome.files, *outcome.folders])
        await self._publisher.publish([outcome.manifest])
        if outcome.next_page is not None:
            await self._publisher.publish([outcome.next_page])

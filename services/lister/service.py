"""A page asked for becomes the files on it, the pages that follow from it, and its manifest."""

from datetime import UTC, datetime

import structlog

from services.core.errors import SetAside
from services.core.events import (
    FolderFailed,
    FolderNamed,
    ImportRequested,
    Message,
    PageRequested,
)
from services.core.ports import PublishesEvents
from services.core.reasons import NOT_FOUND
from services.lister.deduplicator import PageDeduplicator
from services.lister.drive_reader import DriveReader
from services.lister.pages import PageFacts, first_page, page_facts, why_not_empty, without_page
from services.lister.passes import failed
from services.lister.shortcuts import targets_of

Outcome = PageFacts | PageRequested | FolderFailed
log = structlog.get_logger("lister")


class Lister:
    """`HandlesMessages`: from what is asked to the facts in the log."""

    def __init__(self, drive: DriveReader, publisher: PublishesEvents) -> None:
        self._drive = drive
        self._publisher = publisher
        self._pages = PageDeduplicator()

    async def handle(self, event: Message, *, redelivered: bool) -> None:
        """An import requested becomes its first page; a page requested becomes its facts."""
        del redelivered  # a page that is listed again changes nothing
        match event:
            case ImportRequested():
                await self._start(event)
            case PageRequested():
                await self._list(event)
            case _:
                pass  # control events ask nothing of the lister yet

    async def set_aside(self, event: Message, why: SetAside) -> None:
        """Publish the folder's failure."""
        asked = first_page(event) if isinstance(event, ImportRequested) else event
        if isinstance(asked, PageRequested):
            at = datetime.now(UTC)
            await self._publisher.publish([failed(asked, why.reason, why.message, at)])

    async def _start(self, asked: ImportRequested) -> None:
        name = await self._drive.name(asked.folder_id, asked.resource_key)
        if name is not None:
            named = FolderNamed(
                import_id=asked.import_id,
                epoch=asked.epoch,
                folder_id=asked.folder_id,
                name=name,
                named_at=datetime.now(UTC),
            )
            await self._publisher.publish([named])
        await self._publisher.publish([first_page(asked)])

    async def _list(self, asked: PageRequested) -> None:
        async with self._pages.holding(asked) as to_do:
            if not to_do:
                return
            outcome = await self._outcome(asked)
            await self._publish(outcome)
            # What was not found may be found on another way to it, with the key that was missing.
            # Any other failure took long, which a thousand shortcuts to it must not each take.
            if not isinstance(outcome, FolderFailed) or outcome.reason != NOT_FOUND:
                self._pages.done(asked)

    async def _outcome(self, asked: PageRequested) -> Outcome:
        try:
            page = await self._drive.page(asked)
            wanted = () if asked.confirms else targets_of(asked, page.entries)
            targets = await self._drive.targets(wanted)
            facts = page_facts(asked, page, datetime.now(UTC), targets)
            if facts.manifest.closes and not (page.entries or asked.seen.count):
                await self._check_that_it_is_a_folder(asked)
        except SetAside as why:
            log.warning(
                "lister.page_failed",
                import_id=asked.import_id,
                folder_id=asked.folder_id,
                reason=why.reason,
                why=why.message,
            )
            return without_page(asked, why.reason, why.message, datetime.now(UTC))
        _log_doubt(asked, facts)
        return facts

    async def _check_that_it_is_a_folder(self, asked: PageRequested) -> None:
        """Raises `SetAside` if what was listed as empty is no folder that we can see."""
        why = why_not_empty(await self._drive.folder(asked.folder_id, asked.resource_key))
        if why is not None:
            raise SetAside(*why)

    async def _publish(self, outcome: Outcome) -> None:
        """Each group is acknowledged before the next; the folder's next page comes last.

        The manifest comes after everything that it names: should we die before it, the page may be
        another when it is listed again, and what only a manifest knew would be waited for for ever.
        """
        if not isinstance(outcome, PageFacts):
            await self._publisher.publish([outcome])
            return
        await self._publisher.publish([*outcome.files, *outcome.folders])
        await self._publisher.publish([outcome.manifest])
        if outcome.next_page is not None:
            await self._publisher.publish([outcome.next_page])


def _log_doubt(asked: PageRequested, facts: PageFacts) -> None:
    if facts.manifest.doubt is not None:
        log.info(
            "lister.listed_again",
            import_id=asked.import_id,
            folder_id=asked.folder_id,
            pass_number=asked.pass_number,
            doubt=facts.manifest.doubt,
        )

"""A page asked for becomes the files on it, the pages that follow from it, and its manifest."""

import asyncio
from datetime import UTC, datetime

import structlog

from services.core.errors import SetAside, Stop, Verdict
from services.core.events import FolderFailed, ImportRequested, PageRequested
from services.core.ports import Page, PublishesEvents, ReadsFolders, Received
from services.core.retry import RetryPolicy, attempted
from services.lister.pages import Facts, facts, first_page, without_page
from services.lister.seen import Openings

log = structlog.get_logger("lister")


class Lister:
    """From what is asked to the facts in the log; a message is done once they are acknowledged."""

    def __init__(
        self, drive: ReadsFolders, publisher: PublishesEvents, *, policy: RetryPolicy
    ) -> None:
        self._drive = drive
        self._publisher = publisher
        self._policy = policy
        self._openings = Openings()
        self.in_flight = 0

    async def start(self, message: Received) -> None:
        """An import requested becomes its first page. The control events ask nothing of us yet."""
        if isinstance(message.event, ImportRequested):
            await self._publisher.publish([first_page(message.event)])
        message.done()

    async def list_page(self, message: Received) -> None:
        """One page of one folder, from Drive into the log."""
        asked = message.event
        if not isinstance(asked, PageRequested):
            message.done()
            return
        if not message.alive:
            message.leave()
            return
        self.in_flight += 1
        try:
            if asked not in self._openings:
                await self._tell(await self._look(asked))
                self._openings.note(asked)
            message.done()
        finally:
            self.in_flight -= 1

    async def _look(self, asked: PageRequested) -> Facts | PageRequested | FolderFailed:
        try:
            page, _ = await attempted(self._policy, asyncio.sleep, lambda _: self._page(asked))
        except (SetAside, Stop) as why:
            # Stop too: a key that Google refuses fails the import, in words, instead of making it
            # wait for ever.
            log.warning(
                "lister.page_failed",
                import_id=asked.import_id,
                folder_id=asked.folder_id,
                reason=why.reason,
                why=why.message,
            )
            return without_page(asked, why.reason, why.message, datetime.now(UTC))
        return facts(asked, page, datetime.now(UTC))

    async def _page(self, asked: PageRequested) -> Page:
        try:
            return await self._drive.list_page(
                asked.folder_id, token=asked.token, resource_key=asked.resource_key
            )
        except Verdict:
            raise
        except Exception as why:
            # One folder that we do not understand must not stop the others, again and again.
            log.error("lister.unforeseen", folder_id=asked.folder_id, exc_info=True)
            raise SetAside(
                "unforeseen", f"Something went wrong that nobody foresaw: {type(why).__name__}."
            ) from why

    async def _tell(self, outcome: Facts | PageRequested | FolderFailed) -> None:
        """Each group is acknowledged before the next; what comes next in the folder comes last."""
        if not isinstance(outcome, Facts):
            await self._publisher.publish([outcome])
            return
        await self._publisher.publish(outcome.found)
        await self._publisher.publish([outcome.listed, *outcome.opened])
        if outcome.after is not None:
            await self._publisher.publish([outcome.after])

"""A page asked for becomes the files on it, the pages that follow from it, and its manifest."""

from datetime import UTC, datetime

import structlog

from services.core.errors import SetAside
from services.core.events import FolderFailed, ImportRequested, PageRequested
from services.core.ports import PublishesEvents, Received
from services.core.reasons import NOT_FOUND
from services.lister.deduplicator import Seen
from services.lister.drive_reader import Alive, Asking, LeftError
from services.lister.pages import Facts, facts, first_page, why_not_empty, without_page
from services.lister.shortcuts import targets_of

Outcome = Facts | PageRequested | FolderFailed
log = structlog.get_logger("lister")


class Lister:
    """From what is asked to the facts in the log; a message is done once they are acknowledged."""

    def __init__(self, drive: Asking, publisher: PublishesEvents) -> None:
        self._drive = drive
        self._publisher = publisher
        self._seen = Seen()
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
        self.in_flight += 1
        try:
            async with self._seen.turn(asked) as first:
                if first:
                    await self._list(asked, lambda: message.alive)
            message.done()
        except LeftError:
            message.leave()
        finally:
            self.in_flight -= 1

    async def _list(self, asked: PageRequested, alive: Alive) -> None:
        outcome = await self._look(asked, alive)
        await self._tell(outcome)
        # What was not found may be on another way to it, with the key that was missing. Any other
        # failure took minutes of attempts, which a thousand shortcuts to it must not each take.
        if not isinstance(outcome, FolderFailed) or outcome.reason != NOT_FOUND:
            self._seen.note(asked)

    async def _look(self, asked: PageRequested, alive: Alive) -> Outcome:
        try:
            return await self._listed(asked, alive)
        except SetAside as why:
            log.warning(
                "lister.page_failed",
                import_id=asked.import_id,
                folder_id=asked.folder_id,
                reason=why.reason,
                why=why.message,
            )
            return without_page(asked, why.reason, why.message, datetime.now(UTC))

    async def _listed(self, asked: PageRequested, alive: Alive) -> Facts:
        page = await self._drive.page(asked, alive)
        wanted = () if asked.confirms else targets_of(asked, page.entries)
        targets = await self._drive.targets(wanted, alive)
        outcome = facts(asked, page, datetime.now(UTC), targets)
        if outcome.listed.closes and not (page.entries or asked.seen.count):
            await self._check_that_it_is_there(asked, alive)
        if outcome.listed.doubt is not None:
            log.info(
                "lister.listed_again",
                import_id=asked.import_id,
                folder_id=asked.folder_id,
                pass_number=asked.pass_number,
                doubt=outcome.listed.doubt,
            )
        return outcome

    async def _check_that_it_is_there(self, asked: PageRequested, alive: Alive) -> None:
        """Raises `SetAside` if what was listed as empty is no folder that we can see."""
        why = why_not_empty(await self._drive.folder(asked, alive))
        if why is not None:
            raise SetAside(*why)

    async def _tell(self, outcome: Outcome) -> None:
        """Each group is acknowledged before the next; what comes next in the folder comes last.

        The manifest comes after all that it names: should we die before, the page may be another
        when it is listed again, and what only a manifest knew would be waited for without end.
        """
        if not isinstance(outcome, Facts):
            await self._publisher.publish([outcome])
            return
        await self._publisher.publish([*outcome.files, *outcome.folders])
        await self._publisher.publish([outcome.listed])
        if outcome.after is not None:
            await self._publisher.publish([outcome.after])

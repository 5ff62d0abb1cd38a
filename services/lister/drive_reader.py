"""Drive, as the lister asks it: every failure that is not the folder's own is waited out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from services.core import events as e
from services.core.errors import CoolDown, Outage, SetAside, Stop
from services.core.flow.circuit_breaker import OTHERS_SUCCEED, PATIENCE
from services.core.flow.resilience import Resilience
from services.core.ports import Entry, Page, ReadsFolders, Target
from services.lister.passes import page_size
from services.lister.shortcuts import Unseen

T = TypeVar("T")
LOOK_UPS_AT_ONCE = 8
IMPATIENT = OTHERS_SUCCEED
"""For look-ups, of which a page may need a thousand: none may hold the folder up for long."""


class DriveReader:
    """Raises `SetAside` only.

    A key that Google refuses fails the import, in words, instead of making it wait for ever.
    """

    def __init__(self, drive: ReadsFolders, calls: Resilience) -> None:
        self._drive = drive
        self._calls = calls
        self._look_ups = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def page(self, asked: e.PageRequested) -> Page:
        """The page that is asked for."""
        return await self._ask(
            lambda: self._drive.list_page(
                asked.folder_id,
                token=asked.token,
                resource_key=asked.resource_key,
                page_size=page_size(asked),
                ids_only=asked.confirms,
            )
        )

    async def folder(self, folder_id: str, resource_key: str | None) -> Entry:
        """The folder itself, as an item."""
        return await self._ask(lambda: self._drive.look_up(folder_id, resource_key=resource_key))

    async def name(self, folder_id: str, resource_key: str | None) -> str | None:
        """The folder's name; None where Drive does not tell it."""
        try:
            entry = await self._ask(
                lambda: self._drive.look_up(folder_id, resource_key=resource_key), IMPATIENT
            )
        except SetAside:
            return None  # the listing will say what is wrong
        return entry.name or None

    async def targets(self, wanted: Sequence[Target]) -> dict[str, Entry | Unseen]:
        """Each target as it is now, or why it could not be seen."""
        seen = await asyncio.gather(*(self._target(target) for target in wanted))
        return {target.id: found for target, found in zip(wanted, seen, strict=True)}

    async def _target(self, target: Target) -> Entry | Unseen:
        async with self._look_ups:
            try:
                return await self._ask(
                    lambda: self._drive.look_up(target.id, resource_key=target.resource_key),
                    IMPATIENT,
                )
            except SetAside as why:
                return Unseen(why.reason, why.message)

    async def _ask(self, ask: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
        async def refused_is_final() -> T:
            try:
                return await ask()
            except (CoolDown, Outage):
                raise
            except Stop as why:
                raise SetAside(why.reason, why.message) from why

        return await self._calls.call(refused_is_final, patience=patience)

"""Reads folders from Drive, and waits out every failure that is not the folder's own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from services.core import events as e
from services.core.errors import NOT_FOUND, CoolDown, Outage, SetAside, Stop
from services.core.flow.circuit_breaker import OTHERS_SUCCEED, PATIENCE, SYSTEM_ANSWERS
from services.core.flow.resilience import Resilience
from services.core.ports import Entry, Page, ReadsFolders, Target
from services.lister.passes import page_size

T = TypeVar("T")
LOOK_UPS_AT_ONCE = 8
IMPATIENT = OTHERS_SUCCEED
"""For names and targets. One page may need a thousand look-ups, so none may delay it for long."""


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

    async def look_up(
        self, item_id: str, resource_key: str | None, patience: float = PATIENCE
    ) -> Entry:
        return await self._call(
            lambda: self._drive.look_up(item_id, resource_key=resource_key), patience
        )

    async def name(self, folder_id: str, resource_key: str | None) -> str | None:
        """The folder's name; None if Drive does not give it, for a reason the listing will show."""
        try:
            return (await self.look_up(folder_id, resource_key, IMPATIENT)).name or None
        except SetAside:
            return None

    async def targets(self, wanted: Sequence[Target]) -> dict[str, Entry | SetAside]:
        """Each target by its id: as it is now, or why it could not be looked up.

        After `LOOK_UPS_AT_ONCE` failures, a health check of Drive is evidence enough to give up on
        a target. Otherwise a thousand of them would take hours, one after the other.
        """
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

"""A few images of a folder as they look: small, and fetched while the rest is being listed."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType

from msgspec import Struct

from services.core.ports import Entry, PreviewsFolders

MOST = 6
SECONDS = 1.5
"""For one thumbnail. All of a preview are fetched at once."""


class PreviewSample(Struct, frozen=True, kw_only=True):
    """An image of the folder. `thumbnail` is a `data:` URL of a small image, null where Google has
    none or did not send it in time."""

    google_drive_id: str
    name: str
    thumbnail: str | None


class Samples:
    """The first images that are added. What is under way at the end of the block is given up."""

    def __init__(self, connected: Callable[[], Awaitable[PreviewsFolders]]) -> None:
        self._connected = connected
        self._under_way: list[tuple[Entry, asyncio.Task[str | None]]] = []

    async def __aenter__(self) -> "Samples":
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _why: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        tasks = [task for _, task in self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, image: Entry) -> None:
        if len(self._under_way) < MOST:
            self._under_way.append((image, asyncio.create_task(self._thumbnail(image))))

    async def fetched_by(self, deadline: float) -> list[PreviewSample]:
        """All of them, those without a thumbnail that have none by then, in the loop's time."""
        if tasks := [task for _, task in self._under_way]:
            left = deadline - asyncio.get_running_loop().time()
            await asyncio.wait(tasks, timeout=max(0.0, left))
        return [
            PreviewSample(
                google_drive_id=image.id,
                name=image.name,
                thumbnail=task.result() if task.done() else None,
            )
            for image, task in self._under_way
        ]

    async def _thumbnail(self, image: Entry) -> str | None:
        if image.thumbnail_link is None:
            return None
        small = None
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                drive = await self._connected()
                small = await drive.thumbnail(image.thumbnail_link)
        if small is None:
            return None
        return f"data:{small.mime_type};base64,{base64.b64encode(small.body).decode()}"

"""Thumbnails without drawing: of a body `x`, `x at 160`."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from services.core.errors import Verdict


class FakeThumbnailPool:
    """`DrawsThumbnails`. Each call first raises the next of `troubles`, if any. A drawing
    waits until `go_on` is set, as it is at first."""

    def __init__(self) -> None:
        self.drawing = 0
        self.waiting = 0
        self.drawn: list[bytes] = []
        self.troubles: deque[Verdict] = deque()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def draw(self, body: Callable[[], AsyncGenerator[bytes, None]], width: int) -> bytes:
        """As the port says."""
        if self.troubles:
            raise self.troubles.popleft()
        self.drawing += 1
        try:
            async with aclosing(body()) as chunks:
                content = b"".join([chunk async for chunk in chunks])
            await self.go_on.wait()
        finally:
            self.drawing -= 1
        self.drawn.append(content)
        return content + f" at {width}".encode()

"""A few processes that draw thumbnails, each one picture at a time.

A picture may crash its process, keep it busy or fill its memory. Then another process takes its
place, and only this picture has no thumbnail.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from services.adapters.thumbnails.protocol import ANSWER, CPU_SECONDS, LENGTH, NEEDS_MEMORY, WIDTH
from services.core.errors import SetAside, TryAgain
from services.core.settings import Reader

Body = Callable[[], AsyncGenerator[bytes, None]]
LARGEST_PICTURE = 128 * 1024 * 1024
MOST_WAITING = 100
WAIT_SECONDS = 15
READ_SECONDS = 30
"""For the store to give the picture."""
DRAW_SECONDS = 3 * CPU_SECONDS
"""A busy machine may take as long for what the limit of CPU allows."""
END_SECONDS = 10
"""A busy machine may take as long to end a process, whose exit code says what was wrong."""
UNDRAWABLE = "undrawable"
BUSY = TryAgain("thumbnails_busy", "Too many thumbnails are being made at once.", retry_after=2)
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ThumbnailSettings:
    concurrency: int
    memory_mb: int

    @classmethod
    def read(cls, reader: Reader) -> "ThumbnailSettings":
        return cls(
            concurrency=reader.number("THUMBNAIL_CONCURRENCY", 2, 1, 64),
            memory_mb=reader.number("THUMBNAIL_MEMORY_MB", 512, 256, 16_384),
        )


class _DiedError(Exception):
    """The process ended without an answer."""


class ThumbnailPool:
    """Starts processes when they are needed. `close` ends them."""

    def __init__(self, settings: ThumbnailSettings) -> None:
        self.drawing = 0
        self.waiting = 0
        self._settings = settings
        self._turns = asyncio.Semaphore(settings.concurrency)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()

    async def draw(self, body: Body, width: int) -> bytes:
        """A WebP. Raises `SetAside` if there can be none of this picture, `TryAgain` if too many
        wait, and whatever `body` raises. The body may be asked for twice."""
        async with self._turn():
            if self._idle:
                used = self._idle.pop()
                used.is_fresh = False
                with suppress(_DiedError):  # perhaps of what it did before
                    return await self._draw(used, body, width)
            child = await self._start()
            try:
                return await self._draw(child, body, width)
            except _DiedError:
                raise SetAside(UNDRAWABLE, child.why_it_died()) from None

    async def close(self) -> None:
        await asyncio.gather(*(child.end() for child in self._all))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self.waiting >= MOST_WAITING:
            raise BUSY
        self.waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise BUSY from None
        finally:
            self.waiting -= 1
        self.drawing += 1
        try:
            yield
        finally:
            self.drawing -= 1
            self._turns.release()

    async def _start(self) -> "_Child":
        kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.adapters.thumbnails.child"),
            str(self._settings.memory_mb),
            env=kept,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,  # Ctrl-C at a terminal is for the service
        )
        child = _Child(process)
        self._all.add(child)
        return child

    async def _draw(self, child: "_Child", body: Body, width: int) -> bytes:
        stays = False
        try:
            drawn, last, answer = await child.draw(body, width)
            stays = not last
        finally:
            if stays:
                self._idle.append(child)
            else:
                await child.end()
                self._all.discard(child)
        if answer == NEEDS_MEMORY and not child.is_fresh:
            raise _DiedError
        if not drawn:
            raise SetAside(UNDRAWABLE, answer.decode())
        return answer


class _Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.is_fresh = True
        self._process = process
        self._ends_itself = False

    async def draw(self, body: Body, width: int) -> tuple[bool, bool, bytes]:
        try:
            async with asyncio.timeout(READ_SECONDS):
                with suppress(ConnectionError):  # it may have answered before it ended
                    await self._send(body, width)
        except TimeoutError:
            raise TryAgain("store_slow", "The store takes too long to give the picture.") from None
        try:
            async with asyncio.timeout(DRAW_SECONDS):
                return await self._answer()
        except TimeoutError:
            message = f"It takes more than {DRAW_SECONDS} seconds to draw."
            raise SetAside(UNDRAWABLE, message) from None
        except asyncio.IncompleteReadError:
            self._ends_itself = True
            raise _DiedError from None

    async def _send(self, body: Body, width: int) -> None:
        assert self._process.stdin
        to, size = self._process.stdin, 0
        to.write(WIDTH.pack(width))
        async with aclosing(body()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > LARGEST_PICTURE:
                    most = LARGEST_PICTURE // 1024**2
                    raise SetAside(UNDRAWABLE, f"The file is larger than {most} MiB.")
                if chunk:
                    to.writelines((LENGTH.pack(len(chunk)), chunk))
                    await to.drain()
        to.write(LENGTH.pack(0))
        await to.drain()

    async def _answer(self) -> tuple[bool, bool, bytes]:
        assert self._process.stdout
        head = await self._process.stdout.readexactly(ANSWER.size)
        drawn, last, length = ANSWER.unpack(head)
        self._ends_itself = last
        return drawn, last, await self._process.stdout.readexactly(length)

    async def end(self) -> None:
        if self._ends_itself:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self._process.wait()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def why_it_died(self) -> str:
        code = self._process.returncode
        log.warning("thumbnail.process_died", exit_code=code)
        if code == -signal.SIGXCPU:
            return f"It takes more than {CPU_SECONDS} seconds of a processor to draw."
        return "The process that draws it crashed."

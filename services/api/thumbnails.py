"""Thumbnails: found in the bucket, or drawn on first view and kept there."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from hashlib import sha256
from typing import Annotated, Protocol

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, QueryParameter, SkipValidation

from services.adapters.thumbnails.metrics import ThumbnailMetrics
from services.api.images import Stored
from services.api.keys import READ, SCOPE
from services.api.problems import Problem, database_problems
from services.core.errors import SetAside, Stop, TryAgain, Verdict
from services.core.ports import KeepsObjects
from services.core.thumbnail import WIDTHS, thumbnail_key, width_of

MEDIA_TYPE = "image/webp"
UNCOMPRESSED = "uncompressed"
LARGEST_THUMBNAIL = 8 * 1024 * 1024
READS_AT_ONCE = 32
STORE_SECONDS = 15.0
"""How long the store may be silent."""
MOST_AT_ONCE = 500
MOST_REFUSED = 10_000
REFUSED_SECONDS = 600
"""How long it is remembered that a picture has no thumbnail."""
FRESH = "max-age=300, stale-while-revalidate=604800, immutable"
"""Not longer: when the file changes, the same address shows another picture."""
BUSY = "thumbnails_busy"
log = structlog.get_logger()


class DrawsThumbnails(Protocol):
    drawing: int
    waiting: int

    async def draw(self, body: Callable[[], AsyncGenerator[bytes, None]], width: int) -> bytes:
        """Raises `SetAside` if there can be none of this picture, `TryAgain` with the reason
        `thumbnails_busy` if too many wait, and what `body` raises. It may be asked for twice."""


class Thumbnails:
    """Who asks for a thumbnail that is being made gets that one. Raises `Problem`."""

    def __init__(self, store: KeepsObjects, pool: DrawsThumbnails) -> None:
        self.metrics = ThumbnailMetrics(lambda: (pool.drawing, pool.waiting))
        self._store = store
        self._open = partial(_opened, store)
        self._pool = pool
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._refused: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def of(self, storage_path: str, width: int) -> bytes:
        bucket, picture = storage_path.removeprefix("s3://").split("/", 1)
        if bucket != self._store.bucket:
            message = f"The picture is in another bucket than {self._store.bucket}."
            raise Problem("object_missing", message)
        key = thumbnail_key(picture, width)
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= MOST_AT_ONCE:
                self.metrics.answered("busy")
                raise _busy()
            task = asyncio.create_task(self._counted(picture, width))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        # One who leaves takes it away from nobody else.
        return await asyncio.shield(task)

    def _forget(self, key: str, done: asyncio.Task[bytes]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # else it would be logged if everybody has left

    async def _counted(self, picture: str, width: int) -> bytes:
        outcome = "failed"
        try:
            self._check_refused(picture)
            found = await self._kept(thumbnail_key(picture, width))
            outcome = "kept" if found else "drawn"
            return found or await self._drawn(picture, width)
        except Problem as problem:
            outcome = {"no_thumbnail": "refused", BUSY: "busy"}.get(problem.code, "failed")
            raise
        except Verdict as why:
            outcome = "failed"
            log.warning("thumbnail.store_failed", reason=why.reason, why=why.message)
            message = "The object store does not give the picture now."
            raise Problem("store_unavailable", message, {"Retry-After": "5"}) from why
        finally:
            self.metrics.answered(outcome)

    async def _kept(self, key: str) -> bytes | None:
        body = bytearray()
        try:
            async with self._reads, aclosing(self._open(key)) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > LARGEST_THUMBNAIL:
                        return None  # not one of ours
        except SetAside:
            return None
        except Stop as why:
            # Without the right to list, S3 answers 403 for a missing object.
            if why.reason != "store_refused":
                raise
            return None
        return bytes(body)

    async def _drawn(self, picture: str, width: int) -> bytes:
        with self.metrics.drawn():
            try:
                body = await self._pool.draw(lambda: self._open(picture), width)
            except SetAside as why:
                if why.reason == "object_missing":
                    raise Problem("object_missing", "The store has no bytes of it.") from why
                self._refuse(picture, why.message)
                raise _no_thumbnail(why.message) from why
            except Verdict as why:
                if why.reason == BUSY:
                    raise _busy() from why
                raise
            try:
                await self._store.put(thumbnail_key(picture, width), body, content_type=MEDIA_TYPE)
            except Verdict as why:  # then it is drawn again the next time
                log.warning("thumbnail.not_kept", reason=why.reason, why=why.message)
            return body

    def _check_refused(self, picture: str) -> None:
        until, message = self._refused.get(picture, (0.0, ""))
        if time.monotonic() < until:
            raise _no_thumbnail(message)

    def _refuse(self, picture: str, message: str) -> None:
        log.info("thumbnail.refused", object_key=picture, why=message)
        self._refused[picture] = (time.monotonic() + REFUSED_SECONDS, message)
        self._refused.move_to_end(picture)
        if len(self._refused) > MOST_REFUSED:
            self._refused.popitem(last=False)


async def _opened(store: KeepsObjects, key: str) -> AsyncGenerator[bytes, None]:
    """As the store opens it, but with as much patience as somebody has who looks at a page."""
    async with aclosing(store.open(key)) as chunks:
        while True:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise TryAgain("store_unavailable", "The object store is silent.") from None
            if chunk is None:
                return
            yield chunk


def _busy() -> Problem:
    detail = "Too many thumbnails are being made at once. Ask again in a moment."
    return Problem(BUSY, detail, {"Retry-After": "2"})


def _no_thumbnail(message: str) -> Problem:
    return Problem("no_thumbnail", message)


def etag_of(key: str) -> str:
    return f'"{sha256(key.encode()).hexdigest()[:32]}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether the client has it already (RFC 9110, 13.1.2)."""
    given = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return not given.isdisjoint({etag, "*"})


@get(
    "/images/{google_drive_id:str}/thumbnail",
    media_type=MEDIA_TYPE,
    opt={SCOPE: READ, UNCOMPRESSED: True},
    summary="A small picture",
    description="A WebP in sRGB, upright and without metadata. It is made on first view, and kept "
    "in the bucket. It shows the first frame of a moving picture. It is never larger than the "
    "picture, and at most twice as tall as wide.",
    response_description="The thumbnail. `ETag` changes with the picture.",
    responses={
        304: ResponseSpec(None, description="The client has it.", generate_examples=False),
        **database_problems(
            "unknown_image", "object_missing", "no_thumbnail", BUSY, "store_unavailable"
        ),
    },
)
async def get_image_thumbnail(
    google_drive_id: FromPath[str],
    pictures: Stored,
    thumbnails: NamedDependency[SkipValidation[Thumbnails]],
    width: Annotated[
        int,
        QueryParameter(
            ge=1,
            le=10_000,
            description=f"In pixels. The next of {', '.join(map(str, WIDTHS))} is taken; for "
            f"more than {WIDTHS[-1]}, that.",
        ),
    ] = WIDTHS[1],
    if_none_match: Annotated[
        str | None, HeaderParameter(name="If-None-Match", description="The `ETag` that one has.")
    ] = None,
) -> Response[bytes]:
    image = await pictures.image(google_drive_id)
    drawn_width = width_of(width)
    etag = etag_of(thumbnail_key(image.storage_path, drawn_width))
    kept_by = "public" if pictures.urls.public else "private"
    headers = {"ETag": etag, "Cache-Control": f"{kept_by}, {FRESH}"}
    if if_none_match and is_known(etag, if_none_match):
        return Response(b"", status_code=304, headers=headers)
    body = await thumbnails.of(image.storage_path, drawn_width)
    return Response(body, headers=headers)

"""A JSON list of any length as a response: begun only when the first rows are there, broken off,
and never ended like a whole list, when reading fails; closed, with all it holds, whatever happens.
"""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
import structlog
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from services.adapters.catalog.views import ImageFilter, ReadsCatalog
from services.core.errors import Verdict

log = structlog.get_logger()
_encoder = msgspec.json.Encoder()


async def json_list(catalog: ReadsCatalog, wanted: ImageFilter) -> AsyncGenerator[bytes]:
    """All images as the pieces of one JSON list, one piece a batch."""
    lead = b"["
    async with catalog.every_image(wanted) as batches:
        async for batch in batches:
            yield lead + _encoder.encode(batch)[1:-1]
            lead = b","
    yield b"]" if lead == b"," else b"[]"


class ListResponse(ASGIStreamingResponse):
    """Sends the pieces. Not by Litestar's own way, which ends a stream by cancelling it: that would
    be in the middle of a question to the database, and would leave its cursor open."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes]) -> None:
        super().__init__(iterator=rest, media_type="application/json")
        self._first, self._rest = first, rest

    @classmethod
    async def opened(cls, pieces: AsyncGenerator[bytes]) -> "ListResponse":
        """Wait for the first piece, so that an error on the way to it is still an answer."""
        return cls(await anext(pieces), pieces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, or as much as the client takes."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._rest.aclose()

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Piece after piece, until the end or until the client goes."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(_piece(self._first))
            async for piece in self._rest:
                if gone.done():
                    return
                await send(_piece(piece))
            await send(_piece(b"", more=False))
        except Verdict as why:
            # Returning before the end makes the server break the connection off.
            log.warning("list.broken_off", reason=why.reason)
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _piece(body: bytes, *, more: bool = True) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": more}

"""A JSON list of any length as a response, in constant memory.

It begins only when the first page is there, so that an error before it is still an error response.
When a later page fails, the connection breaks off: a list that ends in `]` is whole.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import structlog
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from services.core.errors import Verdict

log = structlog.get_logger()


async def json_list(pages: AsyncIterator[Sequence[msgspec.Struct]]) -> "ListResponse":
    """The rows of all pages as one list; raises what the first page raises."""
    pieces = _pieces(pages)
    return ListResponse(await anext(pieces), pieces)


class ListResponse(ASGIStreamingResponse):
    """Sends the pieces. Litestar's own streaming would cancel a query when the client leaves, and
    a cancelled query costs its connection."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes]) -> None:
        super().__init__(iterator=rest, media_type="application/json")
        self._first, self._rest = first, rest

    async def send_body(self, send: Send, receive: Receive) -> None:
        gone = asyncio.ensure_future(_disconnect(receive))
        piece: bytes | None = self._first
        try:
            while piece is not None and not gone.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)  # lets a client that left already be noticed
                piece = await anext(self._rest, None)
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Verdict as why:
            # Returning before the end makes the server break off the connection.
            log.warning("list.broken_off", reason=why.reason)
        finally:
            gone.cancel()


async def _pieces(pages: AsyncIterator[Sequence[msgspec.Struct]]) -> AsyncIterator[bytes]:
    lead = b"["
    async for page in pages:
        yield lead + msgspec.json.encode(page)[1:-1]
        lead = b","
    yield b"]" if lead == b"," else b"[]"


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""A JSON list of any length as a response, in constant memory.

It begins only when the first page is there, so that an error before it is still an error response.
When a later page fails, the connection breaks off: a list that ends in `]` is whole.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import structlog
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Send

from services.core.errors import Verdict

log = structlog.get_logger()
_encoder = msgspec.json.Encoder()


async def json_list(pages: AsyncIterator[Sequence[msgspec.Struct]]) -> AsyncIterator[bytes]:
    """The rows of all pages as the pieces of one JSON list, one piece a page."""
    lead = b"["
    async for page in pages:
        yield lead + _encoder.encode(page)[1:-1]
        lead = b","
    yield b"]" if lead == b"," else b"[]"


class ListResponse(ASGIStreamingResponse):
    """Sends the pieces. Litestar's own streaming would cancel a query when the client leaves, and
    a cancelled query costs its connection."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes]) -> None:
        super().__init__(iterator=rest, media_type="application/json")
        self._first, self._rest = first, rest

    @classmethod
    async def opened(cls, pieces: AsyncIterator[bytes]) -> "ListResponse":
        """Wait for the first piece, so that an error on the way to it is still an answer."""
        return cls(await anext(pieces), pieces)

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Piece after piece, until the end or until the client leaves."""
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            await send(_piece(self._first))
            await asyncio.sleep(0)  # lets a client that left already be noticed
            async for piece in self._rest:
                if gone.done():
                    return
                await send(_piece(piece))
            await send(_piece(b"", more=False))
        except Verdict as why:
            # Returning before the end makes the server break off the connection.
            log.warning("list.broken_off", reason=why.reason)
        finally:
            gone.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _piece(body: bytes, *, more: bool = True) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": more}

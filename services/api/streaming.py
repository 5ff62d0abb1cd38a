"""A JSON list of any length as a response: begun only when the first rows are there, broken off,
and never ended like a whole list, when reading fails; closed, with all it holds, whatever happens.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Scope, Send

from services.core.catalog import ImageFilter, ReadsCatalog

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
    """Sends the pieces. Litestar stops asking for more when the client goes, but closes nothing."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes]) -> None:
        super().__init__(iterator=_joined(first, rest), media_type="application/json")
        self._rest = rest

    @classmethod
    async def opened(cls, pieces: AsyncGenerator[bytes]) -> "ListResponse":
        """Wait for the first piece, so that an error on the way to it is still an answer."""
        return cls(await anext(pieces), pieces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, or as much as the client takes."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(asyncio.ensure_future(self._rest.aclose()))


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece

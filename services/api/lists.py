"""Lists as answers: in keyset pages, or whole and streamed.

An opaque cursor says after which key the next page begins. It has the name of its list in it, so
that another list refuses it.

A streamed list may have any length and takes constant memory. When a page fails on the way, the
connection breaks off: a list that ends in `]` is whole.
"""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
import structlog
from litestar import Response
from litestar.params import QueryParameter
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from services.api.problems import AnyRequest, bad_parameter
from services.core.errors import Verdict

log = structlog.get_logger()
T = TypeVar("T")
LONGEST_CURSOR = 1024
LONGEST_PAGE = 1_000
DEFAULT_PAGE = 100

Limit = Annotated[
    int, QueryParameter(ge=1, le=LONGEST_PAGE, description="The size of the page at most.")
]
Cursor = Annotated[
    str | None,
    QueryParameter(description="Where the page begins, from the `Link` header of the page before."),
]


def cursor_of(listing: str, key: object) -> str:
    """The cursor for what follows `key` in the list of that name."""
    packed = msgspec.json.encode((listing, key))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def key_of(cursor: str | None, listing: str, kind: type[T]) -> T | None:
    """The key in a cursor, None without one; raises a `bad_cursor` problem if it is not ours."""
    if cursor is None:
        return None
    try:
        packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        name, key = msgspec.json.decode(packed, type=tuple[str, msgspec.Raw])
        if name != listing or len(cursor) > LONGEST_CURSOR:
            raise ValueError
        return msgspec.json.decode(key, type=kind)
    except ValueError:  # also what base64 and msgspec raise
        why = "is not of this list; take it from the `Link` header of the page before"
        raise bad_parameter("cursor", why, code="bad_cursor") from None


def page_of(
    rows: Sequence[T], limit: int, request: AnyRequest, listing: str, key: Callable[[T], object]
) -> Response[list[T]]:
    """The page in a query for one row more than `limit`. Where another page follows there is a
    `Link` to it (RFC 8288), with all that was asked."""
    page, headers = list(rows[:limit]), {}
    if len(rows) > limit:
        asked = parse_qsl(request.scope["query_string"], keep_blank_values=True)
        kept = [(name, value) for name, value in asked if name != b"cursor"]
        query = urlencode([*kept, (b"cursor", cursor_of(listing, key(page[-1])).encode())])
        headers["Link"] = f'<{quote(request.url.path)}?{query}>; rel="next"'
    return Response(page, headers=headers)


async def json_list(pages: AsyncIterator[Sequence[msgspec.Struct]]) -> "ListResponse":
    """The rows of all pages as one list. It waits for the first page, so that an error before it is
    still an error response."""
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

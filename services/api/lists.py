"""Lists as answers: in keyset pages, or whole and streamed."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
LONGEST_CURSOR = 2048
LONGEST_PAGE = 1_000
DEFAULT_PAGE = 100

Limit = Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE, description="The page size.")]
Cursor = Annotated[
    str | None,
    QueryParameter(
        description="Where the page starts: take it from the `Link` header of the previous page."
    ),
]


def cursor_of(listing: str, key: object) -> str:
    """Says after which key the next page begins, and of which list, so that others refuse it."""
    packed = msgspec.json.encode((listing, key))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def key_of(cursor: str | None, listing: str, kind: type[T]) -> T | None:
    """The key in a cursor, None without one; raises a `bad_cursor` problem if it is not ours."""
    if not cursor:
        return None
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        name, key = msgspec.json.decode(packed, type=tuple[str, msgspec.Raw])
        found = msgspec.json.decode(key, type=kind)
        if name != listing or (isinstance(found, int) and not 0 <= found < 2**63):
            raise ValueError
        return found
    except (ValueError, RecursionError):  # also what base64 and msgspec raise
        why = "is not a cursor of this list; take it from the `Link` header of the previous page"
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


async def json_list(
    pages: AsyncIterator[Sequence[msgspec.Struct]], headers: Mapping[str, str] | None = None
) -> "ListResponse":
    """The rows of all pages as one list of any length, in constant memory."""
    return await streamed(_json_pieces(pages), "application/json", headers)


async def streamed(
    pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str] | None = None
) -> "ListResponse":
    """It waits for the first piece, so that an error before it is still an error response."""
    first = await anext(pieces, b"")
    whole = _joined(first, pieces)
    return ListResponse(iterator=whole, media_type=media_type, headers=dict(headers or {}))


class ListResponse(ASGIStreamingResponse):
    """Litestar's own streaming would cancel a query when the client leaves, and a cancelled query
    costs its connection."""

    iterator: AsyncIterator[bytes]

    async def send_body(self, send: Send, receive: Receive) -> None:
        gone = asyncio.ensure_future(disconnect(receive))
        try:
            async for piece in self.iterator:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)  # lets a client that left already be noticed
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Verdict as why:
            # Returning before the end makes the server break off the connection, so that a list
            # which ends in `]` is whole.
            log.warning("list.broken_off", reason=why.reason)
        finally:
            gone.cancel()


async def _json_pieces(pages: AsyncIterator[Sequence[msgspec.Struct]]) -> AsyncIterator[bytes]:
    before = b"["
    async for page in pages:
        yield before + msgspec.json.encode(page)[1:-1]
        before = b","
    yield b"]" if before == b"," else b"[]"


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""Keyset pages: an opaque cursor says after which key the next page begins.

A cursor has the name of its list in it, so that another list refuses it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from services.api.problems import AnyRequest, parameter_problem

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
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        name, key = msgspec.json.decode(packed, type=tuple[str, msgspec.Raw])
        if name != listing:
            raise ValueError
        return msgspec.json.decode(key, type=kind)
    except ValueError:  # also what base64 and msgspec raise
        why = "is not of this list; take it from the `Link` header of the page before"
        raise parameter_problem("cursor", why, code="bad_cursor") from None


def page_of(
    rows: Sequence[T], limit: int, request: AnyRequest, listing: str, key: Callable[[T], object]
) -> Response[list[T]]:
    """The page in a query for one row more than `limit`. Where another page follows there is a
    `Link` to it (RFC 8288), with all that was asked."""
    page, headers = list(rows[:limit]), {}
    if len(rows) > limit:
        asked = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
        query = urlencode([*asked, ("cursor", cursor_of(listing, key(page[-1])))])
        headers["Link"] = f'<{quote(request.url.path)}?{query}>; rel="next"'
    return Response(page, headers=headers)

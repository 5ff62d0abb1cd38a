"""Keyset pages: an opaque cursor says after which key the next page begins.

A cursor has the name of its list in it, so that another list refuses it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from services.api.problems import ParameterFault, Problem

T = TypeVar("T")
LONGEST_CURSOR = 1024
LONGEST_PAGE = 1_000
DEFAULT_PAGE = 100

Limit = Annotated[
    int,
    QueryParameter(ge=1, le=LONGEST_PAGE, description="The size of the page at most."),
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
        return msgspec.json.decode(key, type=kind, strict=True)
    except ValueError:  # also what base64 and msgspec raise
        raise Problem(
            "bad_cursor",
            "The cursor is not of this list. Take it from the `Link` header of the page before.",
            errors=(ParameterFault("cursor", "is not a cursor of this list"),),
        ) from None


def page_of(rows: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """The page in a query for one row more than `limit`, and whether another page follows."""
    return rows[:limit], len(rows) > limit


def next_link(path: str, asked: Mapping[str, object | None], cursor: str) -> Mapping[str, str]:
    """The `Link` header (RFC 8288) to the next page; parameters that are None are left out."""
    given = {name: str(value) for name, value in asked.items() if value is not None}
    return {"Link": f'<{path}?{urlencode(given | {"cursor": cursor})}>; rel="next"'}

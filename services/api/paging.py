"""Pages by key, not by number: an opaque cursor says after which key the next page begins.

A cursor carries the name of its list, so that one list's cursor is refused by another.
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
    QueryParameter(ge=1, le=LONGEST_PAGE, description="How many to give at most."),
]
Cursor = Annotated[
    str | None,
    QueryParameter(description="Where the page begins: from the `Link` header of the one before."),
]


def cursor_of(listing: str, key: object) -> str:
    """The cursor of what follows `key` in the list of that name."""
    packed = msgspec.json.encode((listing, key))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def key_of(cursor: str | None, listing: str, kind: type[T]) -> T | None:
    """The key in a cursor of ours, None without one; a `bad_cursor` problem for anything else."""
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
            "This cursor is not of this list; take it from the `Link` header of the page before.",
            errors=(ParameterFault("cursor", "not a cursor of this list"),),
        ) from None


def page_of(rows: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """The page out of a query for one more than `limit`, and whether another follows."""
    return rows[:limit], len(rows) > limit


def next_link(path: str, asked: Mapping[str, object | None], cursor: str) -> Mapping[str, str]:
    """The `Link` header (RFC 8288) of the page that follows; parameters that are None are left."""
    given = {name: str(value) for name, value in asked.items() if value is not None}
    return {"Link": f'<{path}?{urlencode(given | {"cursor": cursor})}>; rel="next"'}

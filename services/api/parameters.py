"""Refuses query parameters that a route does not declare.

A misspelt filter would otherwise be no filter, and a misspelt `limit` the whole table.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Parameter

from services.api.problems import bad_parameter

LONGEST_NAME = 80
ANY_TEXT = {"name"}
"""Parameters that may be any text, even `null`: an image may be called so."""


async def parameters_are_known(
    request: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """What the OpenAPI document says is what is taken, so the two cannot differ. Addresses that it
    does not describe (`/metrics`, `/schema`) take anything. It is async, since Litestar runs others
    in a thread, which costs more than what this does."""
    if not (pairs := parse_qsl(_query(request), keep_blank_values=True)):
        return
    method = str(request.scope.get("method")).lower()
    known = _known(request.app, request.scope["path_template"], method)
    if known is None:
        return
    given = Counter(name for name, _ in pairs)
    for name, times in given.items():
        if name not in known:
            these = f"known: {', '.join(known)}" if known else "this route has none"
            raise bad_parameter(name[:LONGEST_NAME], f"is not a known parameter ({these})")
        if times > 1:
            raise bad_parameter(name, "is given more than once")
    _check_values(pairs)


@cache
def _known(app: Litestar, template: str, method: str) -> Sequence[str] | None:
    """None where the document does not describe it: also for OPTIONS, which every address
    answers. There are as many as routes."""
    path = (app.openapi_schema.paths or {}).get(template)
    operation = getattr(path, method, None)
    if operation is None:
        return None
    declared = [it for it in operation.parameters or () if isinstance(it, Parameter)]
    return sorted(it.name for it in declared if it.param_in == "query")


def _check_values(pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        # A script's empty variable: read as none, it is no limit.
        if value.lower() == "null" and name not in ANY_TEXT:
            raise bad_parameter(name, "is null; leave it out if there is none")
        if "\0" in value:  # PostgreSQL keeps none, and would not say in which parameter it is
            raise bad_parameter(name, "has a character that is not allowed")


def _query(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    return request.scope["query_string"].decode("latin-1")

"""Refuses query parameters that a route does not declare.

A misspelt filter would otherwise be no filter, and a misspelt `limit` the whole table.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Parameter

from services.api.problems import bad_parameter

LONGEST_NAME = 80


async def parameters_are_known(
    request: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """What the OpenAPI document says is what is taken, so the two cannot differ. Addresses that it
    does not describe (`/metrics`, `/schema`) take anything. It is async, since Litestar runs others
    in a thread, which costs more than what this does."""
    pairs = parse_qsl(_query(request), keep_blank_values=True)
    given = Counter(name for name, _ in pairs)
    paths = request.app.openapi_schema.paths or {}
    path = paths.get(request.scope["path_template"])
    if not given or path is None:
        return
    operation = getattr(path, str(request.scope.get("method")).lower())
    if operation is None:  # OPTIONS, which every address answers
        return
    declared = [it for it in operation.parameters or () if isinstance(it, Parameter)]
    known = sorted(it.name for it in declared if it.param_in == "query")
    for name, times in given.items():
        if name not in known:
            these = f"known: {', '.join(known)}" if known else "this route has none"
            raise bad_parameter(name[:LONGEST_NAME], f"is not a known parameter ({these})")
        if times > 1:
            raise bad_parameter(name, "is given more than once")
    _check_values(pairs)


def _check_values(pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        if value.lower() == "null":  # a script's empty variable; read as none, it is no limit
            raise bad_parameter(name, "is null; leave it out if there is none")
        if "\0" in value:  # PostgreSQL keeps none, and would not say in which parameter it is
            raise bad_parameter(name, "has a character that is not allowed")


def _query(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    return request.scope["query_string"].decode("latin-1")

"""Adds to the OpenAPI document what holds for every route: keys, limits, and what they answer.

It reads the routes' own options, so a new route cannot forget it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Components, OpenAPIResponse, Operation, PathItem, SecurityScheme
from litestar.routes import HTTPRoute

from services.api.keys import ADMIN, OPEN, READ, SCOPE
from services.api.problems import ACCESS, EVERYWHERE, KINDS

PROBLEM = "application/problem+json"
KEY, TOKEN = "apiKey", "accessToken"
COMPONENTS = Components(
    security_schemes={
        KEY: SecurityScheme(
            type="http",
            scheme="bearer",
            description="An API key, if the API has any. `drivestream key NAME SCOPE` makes one.",
        ),
        TOKEN: SecurityScheme(
            type="apiKey",
            name="access_token",
            security_scheme_in="query",
            description="For URLs that a browser opens by itself: a token from POST "
            "/access-tokens instead of a key.",
        ),
    }
)


def complete(app: Litestar) -> None:
    paths = app.openapi_schema.paths or {}
    content = next(_problem_contents(paths.values()))
    for route in app.routes:
        item = paths.get(route.path_format)
        if item is None or not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            for method in handler.http_methods:
                operation = getattr(item, method.lower())
                if operation is not None:
                    _complete(operation, handler, content)


def _complete(operation: Operation, handler: HTTPRouteHandler, content: Any) -> None:
    scope = handler.opt.get(SCOPE, ADMIN)
    _add_problems(operation, EVERYWHERE, content)
    if scope == OPEN:
        operation.security = []
        return
    _add_problems(operation, ACCESS, content)
    operation.security = [{KEY: []}]
    if scope == READ and "GET" in handler.http_methods:
        operation.security.append({TOKEN: []})
    said = operation.description or ""
    operation.description = f"{said}\n\nScope: `{scope}`.".strip()


def _add_problems(operation: Operation, codes: Iterable[str], content: Any) -> None:
    if operation.responses is None:
        operation.responses = {}
    for code in codes:
        kind = KINDS[code]
        text = f"`{code}`: {kind.title}"
        known = operation.responses.get(str(kind.status))
        if isinstance(known, OpenAPIResponse):
            if text not in known.description.split("; "):
                known.description += f"; {text}"
        else:
            answer = OpenAPIResponse(description=text, content=content)
            operation.responses[str(kind.status)] = answer
    operation.responses = dict(sorted(operation.responses.items()))


def _problem_contents(items: Iterable[PathItem]) -> Iterator[Any]:
    for item in items:
        for operation in (item.get, item.post, item.patch):
            for answer in ((operation and operation.responses) or {}).values():
                if isinstance(answer, OpenAPIResponse) and PROBLEM in (answer.content or {}):
                    yield answer.content

"""Which handler serves which method and path."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.http.errors import ApiError, api_error, invalid_parameter, named_error
from drive_emulator.http.messages import Request

Handler = Callable[[RequestContext], Awaitable[None]]
_PLACEHOLDER = re.compile(r"\\{\w+\\}")


@dataclass(frozen=True)
class Route:
    """`pattern` is a path in which `{name}` stands for one segment. GET serves HEAD too.

    `kind` is what quotas, fault rules, the log and the counters call the request. `alt` is the
    value of that parameter, `json` by default. A `public` route needs no key or token and costs
    no quota.
    """

    method: str
    pattern: str
    kind: str
    handler: Handler
    alt: str = "json"
    public: bool = False


class Routes:
    """Finds the routes of a path: a fixed one first, then a pattern."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, list[Route]] = {}
        self._patterns: dict[re.Pattern[str], list[Route]] = {}
        for route in routes:
            if "{" in route.pattern:
                expression = _PLACEHOLDER.sub("([^/]+)", re.escape(route.pattern))
                self._patterns.setdefault(re.compile(expression), []).append(route)
            else:
                self._fixed.setdefault(route.pattern, []).append(route)

    def find(self, request: Request) -> tuple[Route, tuple[str, ...]]:
        """The route and the values of its `{names}`; raises `ApiError` for an unknown path.

        A known path with another method is a route too: it tells the caller to log in.
        """
        found, names = self._at(request.path)
        if not found:
            raise api_error(404, "notFound", "Not Found")  # Google sends a page of HTML
        method = "GET" if request.method == "HEAD" else request.method
        alt = request.params.get("alt", "json")
        wrong_alt = False
        for route in found:
            if route.method == method:
                if route.alt == alt or route.public:
                    return route, names
                wrong_alt = True
        message = f"Invalid value '{alt[:40]}'"
        error = invalid_parameter("alt", message) if wrong_alt else named_error("loginRequired")
        return Route(method, request.path, found[0].kind, _raise(error)), names

    def match(self, request: Request) -> tuple[Route, tuple[str, ...]] | None:
        """The route for this method and path; None if there is none."""
        found, names = self._at(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        return next(((route, names) for route in found if route.method == method), None)

    def _at(self, path: str) -> tuple[list[Route], tuple[str, ...]]:
        if fixed := self._fixed.get(path):
            return fixed, ()
        for pattern, routes in self._patterns.items():
            if match := pattern.fullmatch(path):
                return routes, match.groups()
        return [], ()


def _raise(error: ApiError) -> Handler:
    async def handler(context: RequestContext) -> None:
        raise error

    return handler

"""Which handler answers which method and path."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.http.errors import ApiError, invalid_parameter, login_required, no_such_method
from drive_emulator.http.messages import Request

Handler = Callable[[RequestContext], Awaitable[None]]
_NAMED = re.compile(r"\\{\w+\\}")


@dataclass(frozen=True)
class Route:
    """`pattern` is a path in which `{name}` stands for one segment; GET answers HEAD, too.

    `kind` is what quotas, faults, the log and the counters know the request by. `alt` is the value
    of that parameter (`json` where it is absent). Whoever asks on an `open` route needs neither a
    key nor a token, and spends nothing.
    """

    method: str
    pattern: str
    kind: str
    handle: Handler
    alt: str = "json"
    open: bool = False


class Routes:
    """Looks the route of a request up: at once where only the last segment varies."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, list[Route]] = {}
        self._below: dict[str, list[Route]] = {}
        self._others: dict[str, list[Route]] = {}
        for route in routes:
            folder, _, last = route.pattern.rpartition("/")
            if "{" not in route.pattern:
                self._exact.setdefault(route.pattern, []).append(route)
            elif "{" not in folder and last.startswith("{") and last.endswith("}"):
                self._below.setdefault(folder, []).append(route)
            else:
                self._others.setdefault(route.pattern, []).append(route)

    def find(self, request: Request) -> tuple[Route, tuple[str, ...]]:
        """The route, and what stands for its `{names}`; raises `ApiError` where there is none.

        A path of Drive's with another method is a route, too: it tells the caller to log in.
        """
        found, names = self._at(request.path)
        if not found:
            raise no_such_method()
        method = "GET" if request.method == "HEAD" else request.method
        alt = request.params.get("alt", "json")
        other_alt = False
        for route in found:
            if route.method == method:
                if route.alt == alt or route.open:
                    return route, names
                other_alt = True
        refusal = (
            invalid_parameter("alt", f"Invalid value '{alt[:40]}'")
            if other_alt
            else login_required()
        )
        return Route(method, request.path, found[0].kind, _refuse(refusal)), names

    def match(self, request: Request) -> tuple[Route, tuple[str, ...]] | None:
        """The same without Google's words: None where there is no route."""
        found, names = self._at(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        return next(((route, names) for route in found if route.method == method), None)

    def _at(self, path: str) -> tuple[list[Route], tuple[str, ...]]:
        folder, _, last = path.rpartition("/")
        if last and (below := self._below.get(folder)):
            exact = self._exact.get(path)  # such as /changes/startPageToken beside /changes/{id}
            return (exact, ()) if exact else (below, (last,))
        if exact := self._exact.get(path):
            return exact, ()
        for pattern, routes in self._others.items():
            if match := _expression(pattern).fullmatch(path):
                return routes, match.groups()
        return [], ()


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(_NAMED.sub("([^/]+)", re.escape(pattern)))


def _refuse(error: ApiError) -> Handler:
    async def handle(context: RequestContext) -> None:
        raise error

    return handle

"""The emulator as an ASGI application: one pipeline that every request passes.

Read the request, find its route, find out who asks, then answer. Modules with handlers are added
in `_routes`.
"""

from drive_emulator import accounts, batch, conversions, discovery, files, grants
from drive_emulator.asgi import Receive, Request, Scope, Send, read_request, send_error
from drive_emulator.control import Control
from drive_emulator.errors import ApiError
from drive_emulator.exchange import Exchange
from drive_emulator.routing import Route, Routes
from drive_emulator.world import World

_OURS = "/_emu/"


def _routes(world: World) -> list[Route]:
    return [
        *files.routes(world),
        *conversions.routes(world),
        *accounts.routes(world),
        *batch.routes(),
        *grants.routes(world),
        *discovery.routes(),
    ]


class App:
    """Callable as ASGI 3."""

    def __init__(self, world: World) -> None:
        self.beside = world.beside
        self._world = world
        self._routes = Routes(_routes(world))
        self._control = Control(world.forest, world.counters, world.beside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            request = await read_request(scope, receive)
        except ApiError as error:
            self._world.counters.refused += 1
            unread = Request(scope["method"], scope["path"], {}, scope["headers"])
            await send_error(send, unread, error)
            return
        if request.path.startswith(_OURS):
            await self._control.answer(request, receive, send)
        else:
            await self._answer(request, receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        async def dispatch(inner: Request, out: Send) -> None:
            await self._answer(inner, receive, out)

        exchange = Exchange(request, receive, send, dispatch)
        try:
            await self._pass(exchange)
        except ApiError as error:
            await send_error(exchange.send, exchange.request, error)
        self._world.counters.add(exchange.kind, exchange.status, exchange.bytes)

    async def _pass(self, exchange: Exchange) -> None:
        """Every station, in order; raises `ApiError` where one of them refuses."""
        route, exchange.names = self._routes.find(exchange.request)
        exchange.kind = route.kind
        if not route.open:
            exchange.caller = self._world.access.caller(exchange.request, route.alt == "media")
        await route.handle(exchange)

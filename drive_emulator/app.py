"""The emulator as an ASGI application: one pipeline that every request passes.

Read the request, find its route, find out who asks, take what it costs, let the rules for faults
at it, then answer. Modules with handlers are added in `_routes`, those of `/_emu` in `_control`.
"""

from asyncio import CancelledError
from time import perf_counter

from drive_emulator.control import addresses as secure_control
from drive_emulator.control import edits
from drive_emulator.control import faults as faults
from drive_emulator.control import log as log_control
from drive_emulator.control import quota as quota
from drive_emulator.control import settings as turning
from drive_emulator.control import trees as control
from drive_emulator.control.settings import OURS
from drive_emulator.control.state import World
from drive_emulator.drive_api import accounts, batch, discovery, files
from drive_emulator.drive_api import exports as conversions
from drive_emulator.drive_api import oauth_token as grants
from drive_emulator.drive_api.context import Exchange
from drive_emulator.drive_api.routing import Route, Routes
from drive_emulator.http.disconnect import HungUp, close
from drive_emulator.http.errors import ApiError, wrong
from drive_emulator.http.messages import Receive, Request, Scope, Send, read_request, send_error


def _routes(world: World) -> list[Route]:
    return [
        *files.routes(world),
        *conversions.routes(world),
        *accounts.routes(world),
        *batch.routes(),
        *grants.routes(world),
        *discovery.routes(),
    ]


def _control(world: World) -> list[Route]:
    return [
        *control.routes(world),
        *edits.routes(world),
        *turning.routes(world),
        *secure_control.routes(world),
        *log_control.routes(world.log),
        *quota.routes(world.quota),
        *faults.routes(world.faults),
    ]


class App:
    """Callable as ASGI 3."""

    def __init__(self, world: World) -> None:
        self.beside = world.beside
        self._world = world
        self._routes = Routes(_routes(world))
        self._control = Routes(_control(world))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            request = await read_request(scope, receive)
        except ApiError as error:
            unread = Request(scope["method"], scope["path"], {}, scope["headers"])
            await send_error(send, unread, error)
            return
        try:
            if request.path.startswith(OURS):
                await self._tell(request, receive, send)
            else:
                await self._answer(request, receive, send)
        except (HungUp, CancelledError):
            if not close(send):
                raise  # no connection that could be ended: whoever called us has to know

    async def _tell(self, request: Request, receive: Receive, send: Send) -> None:
        exchange = Exchange(request, receive, send, self._no_batch)
        try:
            found = self._control.match(request)
            if found is None:
                raise wrong("no such address, or not so", 404)
            route, exchange.names = found
            await self._obey(route, exchange)
        except ApiError as error:
            await send_error(send, request, error)

    async def _obey(self, route: Route, exchange: Exchange) -> None:
        try:
            await route.handle(exchange)
        except RecursionError:
            raise wrong("its JSON is nested too deeply") from None

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        async def dispatch(inner: Request, out: Send) -> None:
            await self._answer(inner, receive, out)

        began = perf_counter()
        exchange = Exchange(request, receive, send, dispatch)
        try:
            await self._pass(exchange)
        except ApiError as error:
            shown = exchange.effects.failed(error)
            exchange.reason = shown.reason
            await send_error(exchange.send, exchange.request, shown)
        finally:
            if exchange.on_end is not None:
                exchange.on_end(exchange)
            self._world.log.add(exchange, self._world.clock.now(), perf_counter() - began)

    async def _pass(self, exchange: Exchange) -> None:
        """Every station, in order; raises `ApiError` where one of them refuses."""
        world = self._world
        route, exchange.names = self._routes.find(exchange.request)
        exchange.kind = route.kind
        if not route.open:
            exchange.caller = world.access.caller(exchange.request, route.alt == "media")
            if world.quota.on:
                world.quota.spend(exchange)
        if world.faults.any:
            await world.faults.meet(exchange)
        await route.handle(exchange)

    async def _no_batch(self, inner: Request, out: Send) -> None:
        raise wrong("not in a batch", 404)

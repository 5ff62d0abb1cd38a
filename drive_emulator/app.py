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
from drive_emulator.control.state import State
from drive_emulator.drive_api import accounts, batch, discovery, files
from drive_emulator.drive_api import exports as conversions
from drive_emulator.drive_api import oauth_token as grants
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route, Routes
from drive_emulator.http.disconnect import Disconnected, close
from drive_emulator.http.errors import ApiError, control_error
from drive_emulator.http.messages import Receive, Request, Scope, Send, read_request, send_error


def _routes(state: State) -> list[Route]:
    return [
        *files.routes(state),
        *conversions.routes(state),
        *accounts.routes(state),
        *batch.routes(),
        *grants.routes(state),
        *discovery.routes(),
    ]


def _control(state: State) -> list[Route]:
    return [
        *control.routes(state),
        *edits.routes(state),
        *turning.routes(state),
        *secure_control.routes(state),
        *log_control.routes(state.log),
        *quota.routes(state.quota),
        *faults.routes(state.faults),
    ]


class App:
    """Callable as ASGI 3."""

    def __init__(self, state: State) -> None:
        self.worker = state.worker
        self._world = state
        self._routes = Routes(_routes(state))
        self._control = Routes(_control(state))

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
        except (Disconnected, CancelledError):
            if not close(send):
                raise  # no connection that could be ended: whoever called us has to know

    async def _tell(self, request: Request, receive: Receive, send: Send) -> None:
        context = RequestContext(request, receive, send, self._no_batch)
        try:
            found = self._control.match(request)
            if found is None:
                raise control_error("no such address, or not so", 404)
            route, context.names = found
            await self._obey(route, context)
        except ApiError as error:
            await send_error(send, request, error)

    async def _obey(self, route: Route, context: RequestContext) -> None:
        try:
            await route.handle(context)
        except RecursionError:
            raise control_error("its JSON is nested too deeply") from None

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        async def dispatch(inner: Request, out: Send) -> None:
            await self._answer(inner, receive, out)

        began = perf_counter()
        context = RequestContext(request, receive, send, dispatch)
        try:
            await self._pass(context)
        except ApiError as error:
            shown = context.hooks.failed(error)
            context.reason = shown.reason
            await send_error(context.send, context.request, shown)
        finally:
            if context.on_end is not None:
                context.on_end(context)
            self._world.log.add(context, self._world.clock.now(), perf_counter() - began)

    async def _pass(self, context: RequestContext) -> None:
        """Every station, in order; raises `ApiError` where one of them refuses."""
        state = self._world
        route, context.names = self._routes.find(context.request)
        context.kind = route.kind
        if not route.open:
            context.caller = state.access.caller(context.request, route.alt == "media")
            if state.quota.on:
                state.quota.spend(context)
        if state.faults.any:
            await state.faults.meet(context)
        await route.handle(context)

    async def _no_batch(self, inner: Request, out: Send) -> None:
        raise control_error("not in a batch", 404)

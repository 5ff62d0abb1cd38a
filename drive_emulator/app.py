"""The emulator as an ASGI application.

A request of the Drive API is read, routed, authenticated and charged; then fault rules act on it,
and its handler answers. Requests below `/_emu` go to the control API and skip all of that.
"""

from asyncio import CancelledError
from time import perf_counter

from drive_emulator.control import settings, trees
from drive_emulator.control.state import State
from drive_emulator.drive_api import (
    accounts,
    batch,
    discovery,
    exports,
    files,
    oauth_token,
    thumbnails,
)
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Routes
from drive_emulator.http.errors import ApiError, control_error
from drive_emulator.http.messages import (
    Disconnected,
    Receive,
    Request,
    Scope,
    Send,
    close,
    read_request,
    send_error,
)
from drive_emulator.validation import InvalidInput


class App:
    """Callable as ASGI 3; without `control`, there is no control API."""

    def __init__(self, state: State, control: bool = True) -> None:
        self._state = state
        self._control = Routes([*trees.routes(state), *settings.routes(state)] if control else [])
        self._drive_api = Routes(
            [
                *files.routes(state),
                *thumbnails.routes(state),
                *exports.routes(state),
                *accounts.routes(state),
                *batch.routes(),
                *oauth_token.routes(state),
                *discovery.routes(),
            ]
        )

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
            if request.path.startswith("/_emu"):
                await self._answer_control(request, receive, send)
            else:
                await self._answer(request, receive, send)
        except (Disconnected, CancelledError):
            if not close(send):
                raise  # there is no connection to close, so the caller has to know

    async def _answer_control(self, request: Request, receive: Receive, send: Send) -> None:
        context = RequestContext(request, receive, send, _no_batch)
        try:
            found = self._control.match(request)
            if found is None:
                raise control_error("no such control method (only plain HTTP has any)", 404)
            route, context.names = found
            await route.handler(context)
        except InvalidInput as why:
            await send_error(send, request, control_error(str(why), why.status))
        except ApiError as error:
            await send_error(send, request, error)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        async def dispatch(inner: Request, out: Send) -> None:
            await self._answer(inner, receive, out)

        began = perf_counter()
        context = RequestContext(request, receive, send, dispatch)
        try:
            await self._handle(context)
        except ApiError as error:
            shown = context.hooks.error(error)
            context.reason = shown.reason
            await send_error(context.send, context.request, shown)
        finally:
            if context.on_end is not None:
                context.on_end(context)
            self._state.log.add(context, self._state.clock.now(), perf_counter() - began)

    async def _handle(self, context: RequestContext) -> None:
        state = self._state
        route, context.names = self._drive_api.find(context.request)
        context.kind = route.kind
        if not route.public:
            context.caller = state.authenticator.authenticate(context.request, route.alt == "media")
            if state.quota.on:
                state.quota.charge(context)
        if state.faults.any:
            await state.faults.apply(context)
        await route.handler(context)


async def _no_batch(inner: Request, out: Send) -> None:
    raise control_error("the control API has no batches", 404)

"""One request on its way through the emulator, and its response."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from drive_emulator.auth.caller import Caller
from drive_emulator.http.errors import ApiError, Headers
from drive_emulator.http.messages import (
    Message,
    RawHeaders,
    Receive,
    Request,
    Send,
    send_json,
    send_response,
)
from drive_emulator.tree.tree import File

if TYPE_CHECKING:
    from drive_emulator.drive_api.listing import ListRequest, Page

Json = dict[str, Any]
Dispatch = Callable[[Request, Send], Awaitable[None]]
_NOBODY = Caller()


class Hooks:
    """Where faults can change a response. This class changes nothing."""

    def list_request(self, request: "ListRequest") -> "ListRequest":
        return request

    def page(self, page: "Page", request: "ListRequest") -> "Page":
        """The files that a listing found, before they become JSON."""
        return page

    def body(self, body: Json, files: list[File]) -> Json:
        """The JSON of a response; `files` are the files in it, in order."""
        return body

    def error(self, error: ApiError) -> ApiError:
        return error


_NO_HOOKS = Hooks()


class RequestContext:
    """What a handler is given: the request, its caller, and where the response goes.

    `names` are the values of the `{names}` in the route's pattern. `send` counts what passes
    through it; `out` is the connection itself. `dispatch` sends a further request through the
    whole pipeline, as the inner calls of a batch need. `on_end` is called once the response is
    over, however it ended.
    """

    def __init__(self, request: Request, receive: Receive, out: Send, dispatch: Dispatch) -> None:
        self.request = request
        self.receive = receive
        self.out = out
        self.send: Send = self._count
        self.dispatch = dispatch
        self.kind = ""
        self.names: tuple[str, ...] = ()
        self.caller = _NOBODY
        self.hooks = _NO_HOOKS
        self.status = 0
        self.bytes = 0
        self.reason = ""
        self.on_end: Callable[[RequestContext], None] | None = None

    @property
    def file_id(self) -> str:
        """The first name in the path, or an empty string."""
        return self.names[0] if self.names else ""

    async def _count(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.bytes += len(message.get("body", b""))
        await self.out(message)

    async def send_json(self, value: Any, status: int = 200, more: Headers = ()) -> None:
        await send_json(self.send, self.request, value, status, more)

    async def send_bytes(self, status: int, headers: RawHeaders, body: bytes) -> None:
        await send_response(self.send, self.request, status, headers, body)

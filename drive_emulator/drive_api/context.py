"""One request on its way through the pipeline, and its answer."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from drive_emulator.auth.caller import Caller
from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.http.errors import ApiError, Headers
from drive_emulator.http.messages import Message, Receive, Request, Send, send_json
from drive_emulator.tree.tree import File

Value = TypeVar("Value")


class ResponseHooks:
    """Of one request. This one changes nothing; `faults.acting` has the one that does."""

    def list_request(self, list_request: ListRequest) -> ListRequest:
        """What a listing was asked for."""
        return list_request

    def page(self, page: Page, list_request: ListRequest) -> Page:
        """The files that a listing found, before they become JSON."""
        return page

    def value(self, value: dict[str, Any], files: list[File]) -> dict[str, Any]:
        """The JSON of an answer; `files` are those in it, in order."""
        return value

    def failed(self, error: ApiError) -> ApiError:
        """The error that the answer would be."""
        return error


NO_HOOKS = ResponseHooks()

Dispatch = Callable[[Request, Send], Awaitable[None]]
NOBODY = Caller()


class RequestContext:
    """What a handler is given: the request, who asks, and where the answer goes.

    `names` are what stands for the `{names}` of the route's pattern. Everything that is sent
    through `send` is counted, on the last step to the client. `dispatch` sends a further request
    through the whole pipeline, as the inner calls of a batch. `effects` are of the fault rules
    that this request met. `on_end` is called when the answer is over, however it ended.
    """

    __slots__ = (
        "bytes",
        "caller",
        "dispatch",
        "hooks",
        "kind",
        "names",
        "on_end",
        "out",
        "reason",
        "receive",
        "request",
        "send",
        "status",
    )

    def __init__(self, request: Request, receive: Receive, out: Send, dispatch: Dispatch) -> None:
        self.request = request
        self.receive = receive
        self.out = out
        self.send: Send = self._count
        self.dispatch = dispatch
        self.kind = ""
        self.names: tuple[str, ...] = ()
        self.caller = NOBODY
        self.hooks: ResponseHooks = NO_HOOKS
        self.status = 0
        self.bytes = 0
        self.reason = ""
        self.on_end: Callable[[RequestContext], None] | None = None

    @property
    def file_id(self) -> str:
        """The first of the names; nothing where the path has none."""
        return self.names[0] if self.names else ""

    async def _count(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.bytes += len(message.get("body", b""))
        await self.out(message)

    async def answer(self, value: Any, status: int = 200, more: Headers = ()) -> None:
        """A JSON answer as Google sends it."""
        await send_json(self.send, self.request, value, status, more)

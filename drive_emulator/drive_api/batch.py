"""`POST /batch/drive/v3`: up to a hundred calls in one request.

Each inner call passes authentication, quota, faults and the log like a request of its own: Google
counts a batch of n calls as n. Media is not served in batches.
"""

import email.message
import http.client
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import ApiError, api_error
from drive_emulator.http.messages import Message, Request, read_body, read_form

PATHS = ("/batch/drive/v3", "/batch")
MAX_CALLS = 100
MAX_URL = 8_000
_FOLD = re.compile(rb"\n[ \t]+")
_DROPPED = {b"accept-encoding", b"content-length", b"content-type", b"connection"}


@dataclass(frozen=True)
class Call:
    """One inner call, without a body: reads have none. `content_id` is echoed in the response."""

    content_id: str
    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]


def read_batch(content_type: str, body: bytes) -> list[Call]:
    """The calls of a multipart/mixed body; raises `ApiError` 400 for the whole batch.

    The standard library's parser is not used, because it parses nested parts and is slow with many
    empty ones. A call has no nested parts.
    """
    head = email.message.Message()
    head["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = head.get_boundary("")
    if head.get_content_type() != "multipart/mixed" or not boundary:
        raise _bad("Failed to parse batch request, error: missing or wrong multipart boundary.")
    delimiter = b"\n--" + boundary.encode("latin-1", "replace")
    text = b"\n" + body.replace(b"\r\n", b"\n")
    parts = text.split(delimiter, MAX_CALLS + 2)[1:]  # the first is the preamble
    ends = [number for number, part in enumerate(parts) if part.startswith(b"--")]
    calls = parts[: ends[0]] if ends else parts
    if len(calls) > MAX_CALLS:
        raise _bad(f"The batch request has more than {MAX_CALLS} calls.")
    if not ends or not calls:
        raise _bad("Failed to parse batch request, error: no calls or no end marker.")
    return [_call(part) for part in calls]


def _bad(message: str) -> ApiError:
    return api_error(400, "badRequest", message)


def _call(part: bytes) -> Call:
    part_head, _, request = part.lstrip(b" \t").removeprefix(b"\n").partition(b"\n\n")
    named = dict(_headers(part_head))
    if not named.get(b"content-type", b"").lower().startswith(b"application/http"):
        raise _bad("Failed to parse batch request, error: a part is not application/http")
    first, _, rest = request.lstrip(b"\n").partition(b"\n\n")[0].partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) not in (2, 3):
        raise _bad("Failed to parse batch request, error: a part has no request line")
    content_id = named.get(b"content-id", b"").decode("latin-1")
    return Call(content_id, words[0].upper(), words[1], tuple(_headers(rest)))


def _headers(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Unfolds long headers (RFC 5322, 2.2.3): Google's Python client folds its Content-ID."""
    for line in _FOLD.sub(b" ", text).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            yield name.strip().lower(), value.strip()


def routes() -> list[Route]:
    return [Route("POST", path, "batch", send_batch, public=True) for path in PATHS]


async def send_batch(context: RequestContext) -> None:
    """Make every call in turn and send its response at once."""
    content_type = context.request.header(b"content-type")
    calls = read_batch(content_type, await read_body(context.receive))
    boundary = f"batch_{secrets.token_urlsafe(24)}"
    named = f"multipart/mixed; boundary={boundary}".encode()
    headers = [(b"content-type", named), (b"vary", b"Origin"), (b"server", b"ESF")]
    await context.send({"type": "http.response.start", "status": 200, "headers": headers})
    async for part in _parts(context, calls):
        piece = f"--{boundary}\r\n".encode() + part
        await context.send({"type": "http.response.body", "body": piece, "more_body": True})
    end = f"--{boundary}--\r\n".encode()
    await context.send({"type": "http.response.body", "body": end, "more_body": False})


async def _parts(context: RequestContext, calls: list[Call]) -> AsyncIterator[bytes]:
    for call in calls:
        head = "Content-Type: application/http\r\n"
        if call.content_id:
            head += f"Content-ID: {_response_id(call.content_id)}\r\n"
        response = await _perform(context, call)
        yield head.encode("latin-1", "replace") + b"\r\n" + response + b"\r\n"


def _response_id(content_id: str) -> str:
    inner = content_id.removeprefix("<").removesuffix(">")
    return f"<response-{inner}>" if content_id.startswith("<") else f"response-{inner}"


async def _perform(context: RequestContext, call: Call) -> bytes:
    error = _error(call)
    if error is not None:
        return _raw(400, [(b"content-type", b"application/json; charset=UTF-8")], error)
    response = _Response()
    await context.dispatch(_inner(context.request, call), response.send)
    return _raw(response.status, response.headers, response.body)


def _error(call: Call) -> bytes | None:
    path = call.target.partition("?")[0]
    media = path.startswith(("/upload/", "/download/")) or path.endswith("/export")
    message = ""
    if len(call.target) > MAX_URL:
        message = f"The URL of an inner request is longer than {MAX_URL} characters."
    elif media or "alt=media" in call.target:
        message = "Media requests are not supported in batch requests."
    elif not path.startswith("/drive/v3/"):
        message = "All inner requests of this batch must go to the Drive API."
    return msgspec.json.encode(_bad(message).body) if message else None


def _inner(outer: Request, call: Call) -> Request:
    """The inner request; headers that it lacks, such as credentials, come from the batch."""
    own = {name for name, _ in call.headers}
    kept = [each for each in outer.raw_headers if each[0].lower() not in own | _DROPPED]
    named = [each for each in call.headers if each[0] not in _DROPPED]
    path, _, query_text = call.target.partition("?")
    query = query_text.encode("utf-8", "replace")
    return Request(
        call.method,
        unquote(path, errors="replace"),
        read_form(query),
        [*kept, *named],
        outer.client,
        query,
        outer.scheme,
    )


class _Response:
    """Collects what a handler sends: at most one page of JSON, since media is refused."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def _raw(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    phrase = http.client.responses.get(status, "Unknown")
    lines = [f"HTTP/1.1 {status} {phrase}".encode(), *(n + b": " + v for n, v in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body

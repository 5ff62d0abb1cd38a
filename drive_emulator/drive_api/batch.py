"""`POST /batch/drive/v3`: up to a hundred calls in one request, answered as if each came alone.

Each inner call takes the way of a request of its own, through keys, quota, faults and the log:
Google counts a batch of n calls as n. Media is not served in batches.
"""

import email.message
import http
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import ApiError, classic
from drive_emulator.http.messages import Message, Request, read_body, read_form

PATHS = ("/batch/drive/v3", "/batch")
MAX_CALLS = 100
MAX_URL = 8_000
_FOLD = re.compile(rb"\n[ \t]+")
_DROPPED = {b"accept-encoding", b"content-length", b"content-type", b"connection"}


@dataclass(frozen=True)
class Call:
    """One inner call, without its body: a reader sends none. `content_id` is told back."""

    content_id: str
    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]


class BadCall(ValueError):
    """A part that holds no HTTP request; the message says why."""


def read_batch(content_type: str, body: bytes) -> list[Call]:
    """The calls of a multipart/mixed body; raises `ApiError` 400 for the batch as a whole.

    Read by hand: the standard library's parser goes down into parts of parts, and is slow with
    many empty ones. A call is flat.
    """
    head = email.message.Message()
    head["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = head.get_boundary("")
    if head.get_content_type() != "multipart/mixed" or not boundary:
        raise _bad("Failed to parse batch request, error: missing or wrong multipart boundary.")
    between = b"\n--" + boundary.encode("latin-1", "replace")
    text = b"\n" + body.replace(b"\r\n", b"\n")
    parts = text.split(between, MAX_CALLS + 2)[1:]  # what is before the first is a preamble
    ends = [number for number, part in enumerate(parts) if part.startswith(b"--")]
    calls = parts[: ends[0]] if ends else parts
    if len(calls) > MAX_CALLS:
        raise _bad(f"The batch request has more than {MAX_CALLS} calls.")
    if not ends or not calls:
        raise _bad("Failed to parse batch request, error: no call, or no end of it.")
    try:
        return [_call(part) for part in calls]
    except BadCall as why:
        raise _bad(f"Failed to parse batch request, error: {why}") from None


def _bad(message: str) -> ApiError:
    return ApiError(400, classic(400, "badRequest", message))


def _call(part: bytes) -> Call:
    about, _, request = part.lstrip(b" \t").removeprefix(b"\n").partition(b"\n\n")
    named = dict(_headers(about))
    if not named.get(b"content-type", b"").lower().startswith(b"application/http"):
        raise BadCall("a part is not application/http")
    first, _, rest = request.lstrip(b"\n").partition(b"\n\n")[0].partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) not in (2, 3):
        raise BadCall("a part has no request line")
    content_id = named.get(b"content-id", b"").decode("latin-1")
    return Call(content_id, words[0].upper(), words[1], tuple(_headers(rest)))


def _headers(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Long ones come folded (RFC 5322, 2.2.3): Google's Python client folds its Content-ID."""
    for line in _FOLD.sub(b" ", text).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            yield name.strip().lower(), value.strip()


def routes() -> list[Route]:
    """Where a batch is answered; each call in it shows credentials of its own, or the batch's."""
    return [Route("POST", path, "batch", answer_batch, open=True) for path in PATHS]


async def answer_batch(context: RequestContext) -> None:
    """Every call in turn, its answer sent as soon as it is there."""
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
            head += f"Content-ID: {_answered(call.content_id)}\r\n"
        answer = await _one(context, call)
        yield head.encode("latin-1", "replace") + b"\r\n" + answer + b"\r\n"


def _answered(content_id: str) -> str:
    inner = content_id.removeprefix("<").removesuffix(">")
    return f"<response-{inner}>" if content_id.startswith("<") else f"response-{inner}"


async def _one(context: RequestContext, call: Call) -> bytes:
    refusal = _refusal(call)
    if refusal is not None:
        return _raw(400, [(b"content-type", b"application/json; charset=UTF-8")], refusal)
    answer = _Answer()
    await context.dispatch(_inner(context.request, call), answer.send)
    return _raw(answer.status, answer.headers, answer.body)


def _refusal(call: Call) -> bytes | None:
    """Why a call is not made at all: a JSON error, or nothing."""
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
    """The outer headers, credentials among them, hold for inner calls that have none."""
    own = {name for name, _ in call.headers}
    kept = [each for each in outer.raw_headers if each[0].lower() not in own | _DROPPED]
    named = [each for each in call.headers if each[0] not in _DROPPED]
    path, _, after = call.target.partition("?")
    query = after.encode("utf-8", "replace")
    return Request(
        call.method,
        unquote(path, errors="replace"),
        read_form(query),
        [*kept, *named],
        outer.client,
        query,
        outer.scheme,
    )


class _Answer:
    """What a handler sends, kept: JSON of a page at most, since media is refused."""

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
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}".encode(), *(n + b": " + v for n, v in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body

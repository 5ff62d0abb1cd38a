"""Effects on the bytes of any response: media, JSON or an error."""

import random
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from drive_emulator.faults.effect import Effect, Hit
from drive_emulator.http.errors import ApiError
from drive_emulator.http.messages import MAX_WAIT_S, Message, Send, client_left, drop_connection

Position = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_GARBAGE = random.Random(b"gzip").randbytes(400)


class Stall(Effect, tag="stall"):
    """The body stops after some bytes: for `seconds`, or else until the client gives up."""

    after_bytes: Position = 0
    seconds: Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)] | None = None

    def wrap(self, send: Send, hit: Hit) -> Send:
        left: int | None = self.after_bytes

        async def stalling(message: Message) -> None:
            nonlocal left
            body = message.get("body", b"")
            if message["type"] == "http.response.start" or left is None or len(body) <= left:
                left = left - len(body) if left is not None else None
                await send(message)
                return
            await send({**message, "body": body[:left], "more_body": True})
            rest, left = body[left:], None
            wait = MAX_WAIT_S if self.seconds is None else self.seconds
            if await client_left(hit.context.receive, wait) or self.seconds is None:
                await drop_connection(hit.context.out, hit.context.receive)
            await send({**message, "body": rest})

        return stalling


class Truncate(Effect, tag="truncate"):
    """The body ends after some bytes, or after a share of it.

    With `length` `wrong`, Content-Length announces the whole body and the connection closes. With
    `right`, it announces what is sent: only the file's size and checksum reveal the loss.
    """

    after_bytes: Position | None = None
    share: Share = 0.5
    length: Literal["wrong", "right"] = "wrong"

    def wrap(self, send: Send, hit: Hit) -> Send:
        left: int | None = None  # None: send everything

        async def cutting(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                whole = length_of(message)
                left = self._kept(whole) if self._kept(whole) < whole else None
                if left is not None and self.length == "right":
                    message = with_header(message, b"content-length", b"%d" % left)
            elif left is not None:
                message = {**message, "body": message.get("body", b"")[:left]}
                left -= len(message["body"])
                if left == 0 and self.length == "wrong":
                    await send({**message, "more_body": True})
                    await drop_connection(hit.context.out, hit.context.receive)
            await send(message)

        return cutting

    def _kept(self, whole: int) -> int:
        return int(whole * self.share) if self.after_bytes is None else self.after_bytes


class Reset(Effect, tag="reset"):
    """The connection is reset (RST): before the response, or after some bytes of its body."""

    after_bytes: Position | None = None

    async def before(self, hit: Hit) -> None:
        if self.after_bytes is None:
            await drop_connection(hit.context.out, hit.context.receive, reset=True)

    def wrap(self, send: Send, hit: Hit) -> Send:
        left = self.after_bytes or 0

        async def breaking(message: Message) -> None:
            nonlocal left
            body = message.get("body", b"")
            if message["type"] == "http.response.start" or len(body) < left:
                left -= len(body)
                await send(message)
                return
            await send({**message, "body": body[:left], "more_body": True})
            await drop_connection(hit.context.out, hit.context.receive, reset=True)

        return breaking


class Flip(Effect, tag="flip"):
    """One bit is wrong, at an offset from the start of the file, whichever range is requested."""

    offset: Position = 0
    bit: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0

    def wrap(self, send: Send, hit: Hit) -> Send:
        position = 0

        async def flipping(message: Message) -> None:
            nonlocal position
            if message["type"] == "http.response.start":
                position = _first_byte(message)
                await send(message)
                return
            body = message.get("body", b"")
            if position <= self.offset < position + len(body):
                changed = bytearray(body)
                changed[self.offset - position] ^= 1 << self.bit
                message = {**message, "body": bytes(changed)}
            position += len(body)
            await send(message)

        return flipping


class WrongPart(Effect, tag="wrong_part"):
    """A 206 whose length differs from its Content-Range by some bytes."""

    by: Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)] = -1

    def wrap(self, send: Send, hit: Hit) -> Send:
        left = -1  # not a 206

        async def resizing(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                if message["status"] == 206:
                    left = max(0, length_of(message) + self.by)
                    message = with_header(message, b"content-length", b"%d" % left)
                await send(message)
                return
            if left >= 0:
                body = bytes(message.get("body", b""))[:left]
                left -= len(body)
                last = not message.get("more_body", False)
                message = {**message, "body": body + b"\0" * left if last else body}
            await send(message)

        return resizing


class Bare416(Effect, tag="bare_416"):
    """A 416 without the Content-Range that tells clients the size."""

    def error(self, error: ApiError, hit: Hit) -> ApiError:
        if error.status != 416:
            return error
        kept = tuple(pair for pair in error.headers if pair[0] != b"content-range")
        return ApiError(error.status, error.body, kept, error.reason)


class GzipGarbage(Effect, tag="gzip_garbage"):
    """A response that claims to be gzip, and is noise."""

    def wrap(self, send: Send, hit: Hit) -> Send:
        sent = False

        async def garbling(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                message = with_header(message, b"content-encoding", b"gzip")
                message = with_header(message, b"content-length", b"%d" % len(_GARBAGE))
                await send(message)
            elif not sent:
                sent = True
                await send({**message, "body": _GARBAGE, "more_body": False})

        return garbling


ResponseEffect = Stall | Truncate | Reset | Flip | WrongPart | Bare416 | GzipGarbage


def length_of(start: Message) -> int:
    """The Content-Length of a response; 0 if it has none."""
    return next((int(value) for name, value in start["headers"] if name == b"content-length"), 0)


def with_header(start: Message, name: bytes, value: bytes) -> dict[str, Any]:
    """The start of a response with this header, replacing any of the same name."""
    kept: Iterator[tuple[bytes, bytes]] = (pair for pair in start["headers"] if pair[0] != name)
    return {**start, "headers": [*kept, (name, value)]}


def _first_byte(start: Message) -> int:
    for name, value in start["headers"]:
        if name == b"content-range":
            first = value.removeprefix(b"bytes ").partition(b"-")[0]
            return int(first) if first.isdigit() else 0
    return 0

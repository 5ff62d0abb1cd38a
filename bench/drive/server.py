"""One port: an HTTPS proxy that only connects to itself, with TLS for Google's names.

A client sends CONNECT, and the same connection becomes TLS: no byte is copied on its way. So both
rclone, which knows no other address of Drive, and Drivestream reach it in the same way, unchanged.
"""

import asyncio
import json
import re
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from bench.drive.tree import Trees, pieces

COUNTED = ("connections", "list", "get", "media", "media_bytes")
LARGEST_HEAD = 256 * 1024
_IN_PARENTS = re.compile(r"'([^']+)' in parents")
_JSON, _BYTES = b"application/json; charset=UTF-8", b"image/jpeg"
Query = dict[str, str]


@dataclass
class Drive:
    """What is shared, how long each answer takes, and what was asked so far."""

    trees: Trees = field(default_factory=Trees)
    delay_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def answer(self, path: str, query: Query) -> "Answer":
        """Of one of Google's addresses."""
        folder = _IN_PARENTS.search(query.get("q", ""))
        item_id = path.removeprefix("/drive/v3/files").strip("/")
        if not item_id and folder:
            self.counts["list"] += 1
            return self._page(folder[1], query)
        if query.get("alt") == "media":
            file = self.trees.file(item_id)
            self.counts["media"] += 1
            self.counts["media_bytes"] += file.size
            return Answer(_BYTES, file.size, pieces(file.size, file.tag))
        self.counts["get"] += 1
        return _json(self.trees.described[item_id])

    def _page(self, folder_id: str, query: Query) -> "Answer":
        size, after = int(query.get("pageSize", 100)), int(query.get("pageToken", 0))
        ids_only = "files(id)" in query.get("fields", "")
        return _json(self.trees.page(folder_id, size, after, ids_only))

    def control(self, path: str, query: Query) -> "Answer":
        """Of an address of our own: `/tree`, `/change`, `/delay` and `/counts`."""
        said: object = None
        if path == "/tree":
            sizes = [int(each) for each in query["sizes"].split(",")]
            count, folders = int(query["files"]), int(query["folders"])
            said = {"folder": self.trees.add(query["name"], count, sizes, folders)}
        elif path == "/change":
            self.trees.change(query["id"])
        elif path == "/delay":
            self.delay_s = float(query["ms"]) / 1_000
        elif path == "/counts":
            said = dict.fromkeys(COUNTED, 0) | dict(self.counts)
        else:
            raise KeyError(path)
        return _json(json.dumps(said).encode())


@dataclass(frozen=True)
class Answer:
    """A body of known length, piece by piece."""

    kind: bytes
    length: int
    body: Iterator[bytes | memoryview]
    status: bytes = b"200 OK"

    @property
    def head(self) -> bytes:
        return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
            self.status,
            self.kind,
            self.length,
        )


def _json(body: bytes, status: bytes = b"200 OK") -> Answer:
    return Answer(_JSON, len(body), iter((body,)), status)


NOT_FOUND = (
    b'{"error":{"code":404,"message":"File not found.",'
    b'"errors":[{"domain":"global","reason":"notFound","message":"File not found."}]}}'
)


class Connection(asyncio.Protocol):
    """One connection, first plain, then perhaps TLS. A request is answered before the next."""

    def __init__(self, drive: Drive, context: ssl.SSLContext) -> None:
        self._drive = drive
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._secured: asyncio.Task[None] | None = None
        self._received = b""
        self._rest: Iterator[bytes | memoryview] = iter(())
        self._paused = False
        self._connected = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's does not inherit

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self._rest = None, iter(())

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > LARGEST_HEAD and self._transport:
                self._transport.abort()
            return
        head, self._received = self._received[:end], self._received[end + 4 :]
        method, target = head.split(b" ", 2)[:2]
        if method == b"CONNECT":
            self._secured = asyncio.create_task(self._secure())
            return
        parts = urlsplit(target.decode())
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self._connected and self._drive.delay_s:
            later = asyncio.get_running_loop().call_later
            later(self._drive.delay_s, self._answer, self._drive.answer, parts.path, query)
        else:
            drive = self._drive
            self._answer(drive.answer if self._connected else drive.control, parts.path, query)

    async def _secure(self) -> None:
        assert self._transport is not None
        self._drive.counts["connections"] += 1
        self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._connected = True
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._transport, self, self._context, server_side=True)
        except (OSError, ConnectionError):  # a client that went away
            return
        self._transport = secured

    def _answer(self, answers: Callable[[str, Query], Answer], path: str, query: Query) -> None:
        if self._transport is None:
            return
        try:
            answer = answers(path, query)
        except (KeyError, ValueError):
            answer = _json(NOT_FOUND, b"404 Not Found")
        first = next(answer.body)
        self._transport.write(answer.head + first if len(first) < 16_384 else answer.head)
        if len(first) >= 16_384:
            self._transport.write(first)
        self._rest = answer.body
        self._send()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._send()

    def _send(self) -> None:
        """As much of the body as the client takes; the rest when it has taken that."""
        while not self._paused and self._transport is not None:
            piece = next(self._rest, None)
            if piece is None:
                return
            self._transport.write(piece)

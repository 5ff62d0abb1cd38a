"""The last requests, one line each, and counts of how all requests were answered."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from sys import intern
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from drive_emulator.drive_api.context import RequestContext

DEFAULT_LENGTH = 100_000
MAX_LENGTH = 10_000_000
MAX_TEXT = 32 * 1024 * 1024  # characters of paths and queries that are kept in total
_LINES_AT_ONCE = 500
_SECRETS = frozenset({"key", "access_token", "oauth_token"})


class Line(NamedTuple):
    """One request. `at` is the emulator's time; `milliseconds` are real ones."""

    number: int
    at: float
    kind: str
    method: str
    path: str
    query: bytes
    account: str
    user: str
    range: str
    agent: str
    status: int
    reason: str
    size: int
    milliseconds: float

    def encode(self) -> bytes:
        """A line of NDJSON, without keys and tokens."""
        params = parse_qsl(self.query.decode("latin-1"), keep_blank_values=True)
        shown = {
            "n": self.number,
            "at": round(self.at, 3),
            "kind": self.kind,
            "method": self.method,
            "path": self.path,
            "params": {name: value for name, value in params if name not in _SECRETS},
            "caller": {"account": self.account, "user": self.user},
            "range": self.range,
            "agent": self.agent,
            "status": self.status,
            "reason": self.reason,
            "bytes": self.size,
            "ms": round(self.milliseconds, 2),
        }
        return json.dumps(shown).encode() + b"\n"


class RequestLog:
    """Limited to `length` lines and `MAX_TEXT` characters; the oldest lines are dropped."""

    def __init__(self, length: int = DEFAULT_LENGTH) -> None:
        self.length = length
        self._lines: deque[tuple[Any, ...]] = deque()
        self._text = 0
        self._last = 0
        self.reset()

    def reset(self) -> None:
        """Forget all lines and counts; the numbering continues."""
        self._lines.clear()
        self._text = 0
        self._kinds: Counter[str] = Counter()
        self._answers: Counter[tuple[str, int, str]] = Counter()
        self._bytes: Counter[str] = Counter()
        self.refused = 0

    def add(self, context: RequestContext, at: float, seconds: float) -> None:
        """Log a request; status 0 means that the connection was cut before any response."""
        kind, status, reason = context.kind, context.status, context.reason
        self._last += 1
        self._kinds[kind] += 1
        self._answers[kind, status, reason] += 1
        if status < 400:
            self._bytes[kind] += context.bytes
        else:
            self.refused += 1
        if not self.length:
            return
        request = context.request
        headers = request.headers
        # A plain tuple, because the garbage collector does not track those.
        self._lines.append((
            self._last, at, kind, request.method, request.path, request.query,
            context.caller.account, context.caller.user,
            headers.get(b"range", b"").decode("latin-1"),
            intern(headers.get(b"user-agent", b"").decode("latin-1")),  # often the same
            status, reason, context.bytes, seconds * 1000,
        ))  # fmt: skip
        self._text += len(request.query) + len(request.path)
        while len(self._lines) > self.length or self._text > MAX_TEXT:
            dropped = Line._make(self._lines.popleft())
            self._text -= len(dropped.query) + len(dropped.path)

    def lines(self, kind: str = "", since: int = 0) -> list[Line]:
        """The lines after number `since`, of one kind if it is given, in order."""
        lines = map(Line._make, self._lines)
        return [line for line in lines if line.number > since and kind in ("", line.kind)]

    def counts(self) -> dict[str, Any]:
        """Requests by kind; by kind and then by answer, such as `403 userRateLimitExceeded`.

        `bytes` counts successful responses only.
        """
        answers: dict[str, dict[str, int]] = {}
        for (kind, status, reason), count in self._answers.items():
            name = f"{status} {reason}".strip()
            answers.setdefault(kind or "unknown", {})[name] = count
        kinds = {kind or "unknown": count for kind, count in self._kinds.items()}
        sizes = {kind or "unknown": size for kind, size in self._bytes.items()}
        return {"kinds": kinds, "answers": answers, "bytes": sizes}

    def totals(self) -> dict[str, int]:
        """Requests of the main kinds, how many of all were refused, and bytes of media."""
        kinds = {kind: self._kinds[kind] for kind in ("list", "get", "media")}
        return {**kinds, "refused": self.refused, "bytes": self._bytes["media"]}


async def encode_lines(lines: list[Line]) -> AsyncIterator[bytes]:
    """NDJSON in chunks; other requests are served between two of them."""
    for start in range(0, len(lines), _LINES_AT_ONCE):
        yield b"".join(line.encode() for line in lines[start : start + _LINES_AT_ONCE])
        await asyncio.sleep(0)

"""The last requests, one line each, and how all of them were answered."""

import json
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from drive_emulator.drive_api.context import RequestContext

DEFAULT_LENGTH = 100_000
LONGEST = 10_000_000
MAX_TEXT = 32 * 1024 * 1024  # characters of queries kept, all together
REFUSED_FROM = 400  # statuses
_SECRETS = frozenset({"key", "access_token", "oauth_token"})


class Line(NamedTuple):
    """One answered request. `at` is the emulator's time, `milliseconds` real ones."""

    number: int
    at: float
    kind: str
    method: str
    path: str
    query: bytes
    account: str
    user: str
    span: str
    agent: str
    status: int
    reason: str
    size: int
    milliseconds: float


class RequestLog:
    """Bounded in lines and in text: the oldest go first."""

    def __init__(self, length: int = DEFAULT_LENGTH) -> None:
        self.length = length
        self._lines: deque[tuple[Any, ...]] = deque()
        self._text = 0
        self._last = 0
        self._agents: dict[bytes, str] = {}  # the same few, again and again
        self.reset()

    def reset(self) -> None:
        """Forget all, lines and counts. Numbers go on from where they are."""
        self._lines.clear()
        self._text = 0
        self._kinds: Counter[str] = Counter()
        self._answers: Counter[tuple[str, int, str]] = Counter()
        self._bytes: Counter[str] = Counter()
        self.refused = 0

    def add(self, context: RequestContext, at: float, seconds: float) -> None:
        """One answered request; a status of 0 is a connection that was cut before any answer."""
        kind, status, reason = context.kind, context.status, context.reason
        self._last += 1
        self._kinds[kind] += 1
        self._answers[kind, status, reason] += 1
        if status < REFUSED_FROM:
            self._bytes[kind] += context.bytes
        else:
            self.refused += 1
        if not self.length:
            return
        request = context.request
        headers = request.headers
        # A bare tuple: of those the garbage collector keeps no account.
        self._lines.append((
            self._last, at, kind, request.method, request.path, request.query,
            context.caller.account, context.caller.user,
            headers.get(b"range", b"").decode("latin-1"),
            self._agent(headers.get(b"user-agent", b"")),
            status, reason, context.bytes, seconds * 1000,
        ))  # fmt: skip
        self._text += len(request.query) + len(request.path)
        while len(self._lines) > self.length or self._text > MAX_TEXT:
            deleted = Line._make(self._lines.popleft())
            self._text -= len(deleted.query) + len(deleted.path)

    def lines(self, kind: str = "", since: int = 0) -> list[Line]:
        """Those of a kind, if one is given, and of a number beyond `since`, in order."""
        lines = map(Line._make, self._lines)
        return [line for line in lines if line.number > since and kind in ("", line.kind)]

    def counts(self) -> dict[str, Any]:
        """By kind; by kind and then status and reason, such as `403 userRateLimitExceeded`.

        `bytes` are of answers that were no refusals.
        """
        answers: dict[str, dict[str, int]] = {}
        for (kind, status, reason), count in self._answers.items():
            name = f"{status} {reason}".strip()
            answers.setdefault(kind or "unknown", {})[name] = count
        kinds = {kind or "unknown": count for kind, count in self._kinds.items()}
        sizes = {kind or "unknown": size for kind, size in self._bytes.items()}
        return {"kinds": kinds, "answers": answers, "bytes": sizes}

    def _agent(self, header: bytes) -> str:
        known = self._agents.get(header)
        if known is None:
            if len(self._agents) >= 1_000:
                self._agents.clear()
            known = self._agents[header] = header.decode("latin-1")
        return known


def encode(lines: Iterable[Line]) -> bytes:
    """NDJSON; no keys, no tokens."""
    return b"".join(json.dumps(_shown(line)).encode() + b"\n" for line in lines)


def _shown(line: Line) -> dict[str, Any]:
    params = parse_qsl(line.query.decode("latin-1"), keep_blank_values=True)
    return {
        "n": line.number,
        "at": round(line.at, 3),
        "kind": line.kind,
        "method": line.method,
        "path": line.path,
        "params": {name: value for name, value in params if name not in _SECRETS},
        "caller": {"account": line.account, "user": line.user},
        "range": line.span,
        "agent": line.agent,
        "status": line.status,
        "reason": line.reason,
        "bytes": line.size,
        "ms": round(line.milliseconds, 2),
    }

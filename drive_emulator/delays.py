"""Answers that take their time: `--delay list=400` makes every listing 400 ms slower."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from drive_emulator.asgi import Receive, Scope, Send

KINDS = ("list", "get", "media")
LONGEST_MS = 600_000
_FILES = "/drive/v3/files"
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def parse_delay(text: str) -> tuple[str, float]:
    """`KIND=MILLISECONDS` to kind and seconds; raises `ValueError` with what would do."""
    kind, _, number = text.partition("=")
    if kind not in KINDS or not number.isdecimal() or int(number) > LONGEST_MS:
        raise ValueError(f"a delay is one of {', '.join(KINDS)}, =, and milliseconds: list=400")
    return kind, int(number) / 1000


class Delayed:
    """An application behind which every answer of a kind waits its seconds."""

    def __init__(self, app: Asgi, seconds: Mapping[str, float]) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._seconds.get(kind_of(scope), 0.0)
        if wait:
            await asyncio.sleep(wait)
        await self._app(scope, receive, send)


def kind_of(scope: Scope) -> str:
    """`list`, `get` or `media`; empty for what is none of Drive's."""
    path = scope.get("path", "").removeprefix("/download")
    if path == _FILES:
        return "list"
    if not path.startswith(f"{_FILES}/"):
        return ""
    return "media" if b"alt=media" in scope.get("query_string", b"") else "get"

"""`/_emu/log`, `/_emu/counts` and `/_emu/requests`: what was asked, and how it was answered."""

import asyncio
from collections.abc import AsyncIterator

from drive_emulator.control.request_log import Line, RequestLog, encode
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Handler, Route
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import send_lines

_LINES_AT_ONCE = 500


def routes(log: RequestLog) -> list[Route]:
    """Where the log is read and emptied."""
    control = _Control(log)

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(method, f"/_emu/{path}", "emu", handle, open=True)

    return [
        route("GET", "log", control.lines),
        route("DELETE", "log", control.reset),
        route("GET", "counts", control.counts),
        route("GET", "requests", control.requests),
    ]


class _Control:
    def __init__(self, log: RequestLog) -> None:
        self._log = log

    async def lines(self, context: RequestContext) -> None:
        params = context.request.params
        since = params.get("since", "0")
        if not since.isdecimal() or len(since) > 18:
            raise control_error("since is the number of a line: those after it are told")
        lines = self._log.lines(params.get("kind", ""), int(since))
        await send_lines(context.send, _encoded(lines))

    async def counts(self, context: RequestContext) -> None:
        await context.answer(self._log.counts())

    async def requests(self, context: RequestContext) -> None:
        counts = self._log.counts()
        kinds, sent = counts["kinds"], counts["bytes"]
        told = {kind: kinds.get(kind, 0) for kind in ("list", "get", "media")}
        told |= {"refused": self._log.refused, "bytes": sent.get("media", 0)}
        await context.answer(told)

    async def reset(self, context: RequestContext) -> None:
        self._log.reset()
        await self.counts(context)


async def _encoded(lines: list[Line]) -> AsyncIterator[bytes]:
    for start in range(0, len(lines), _LINES_AT_ONCE):
        yield encode(lines[start : start + _LINES_AT_ONCE])
        await asyncio.sleep(0)  # others are served between two chunks

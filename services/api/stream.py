"""Server-sent events: what `live.py` knows, to one client for as long as it stays."""

import asyncio
from contextlib import aclosing
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, SkipValidation
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Scope, Send

from services.api.import_views import unknown_import
from services.api.keys import READ, SCOPE
from services.api.lists import disconnect
from services.api.live import Live, Watch
from services.api.problems import problem_specs
from services.api.thumbnails import UNCOMPRESSED

LONGEST_ID = 256
MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
FORMAT = (
    "`snapshot` comes first, and again after trouble. Then `import` has an import that changed, "
    "whole, and `rates` what happened a second lately, or null while the monitor is silent. "
    "`trouble` has a `code` and a `detail` while the database does not answer; nothing is lost "
    "then, and the next `snapshot` ends it. Changes come at most 4 times a second, a comment every "
    "15 seconds."
)
Streams = NamedDependency[SkipValidation[Live]]
LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        description="What a browser sends when it comes back. Any value is accepted, since each "
        "connection begins with a snapshot.",
    ),
]


class EventStream(ASGIStreamingResponse):
    """Ends when the client leaves, and the watch with it."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(iterator=(), media_type=MEDIA_TYPE, headers=HEADERS)
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watch.live.leave(self._watch)

    async def send_body(self, send: Send, receive: Receive) -> None:
        gone = asyncio.ensure_future(disconnect(receive))
        try:
            async with aclosing(self._watch.events(gone)) as events:
                async for event in events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _stream(live: Live, import_id: str | None) -> EventStream:
    watch = live.join(import_id)
    try:
        if not await watch.known():
            raise unknown_import()
    except BaseException:
        live.leave(watch)
        raise
    return EventStream(watch)


def _described(data: str) -> dict[int, ResponseSpec]:
    return {
        200: ResponseSpec(
            str,
            description=f"Events. The `snapshot` has the same JSON as {data}.",
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
    }


@get(
    "/events",
    opt={SCOPE: READ, UNCOMPRESSED: True},
    summary="Watch all imports",
    description="Server-sent events: the newest imports, all that are open, and the newest "
    f"replays. {FORMAT} `replay` has one of the newest replays, as in `GET /replays`. Each comes "
    "after a `snapshot`, and whenever it changes.",
    responses={
        **_described("`GET /imports`"),
        **problem_specs("bad_parameter", "too_many_streams"),
    },
)
async def stream_all(live: Streams, last_event_id: LastEventId = None) -> ASGIResponse:
    return await _stream(live, None)


@get(
    "/imports/{import_id:str}/events",
    opt={SCOPE: READ, UNCOMPRESSED: True},
    summary="Watch an import",
    description=f"Server-sent events of one import. {FORMAT}",
    responses={
        **_described("`GET /imports/{id}`"),
        **problem_specs("bad_parameter", "too_many_streams", "unknown_import"),
    },
)
async def stream_import(
    import_id: FromPath[str], live: Streams, last_event_id: LastEventId = None
) -> ASGIResponse:
    # One query asks about all imports that are watched, so no id may spoil it.
    if len(import_id) > LONGEST_ID or not import_id.isprintable():
        raise unknown_import()
    return await _stream(live, import_id)

"""Streams of events over real connections, and the server's side of a client that does not read."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.api import boundary
from services.api.boundary import Boundary
from services.api.server import Server, listener_on
from services.api.settings import ApiSettings
from services.core.settings import Reader, Secret
from tests.catalog_rows import an_import, rows
from tests.fakes.patience import undisturbed
from tests.integration.api.process import TcpProxy, running
from tests.integration.api.test_process import behind
from tests.platform import Platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
HELLO = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[tuple[Server, int]]:
    """This application behind the boundary, on our server, and its port."""
    stop, listener = asyncio.Event(), listener_on("127.0.0.1", 0)
    settings = ApiSettings.read(Reader({}))
    server = Server(Boundary(app, settings), stop, settings.connections)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield server, listener.getsockname()[1]
    finally:
        stop.set()
        await serving
        listener.close()


async def test_a_client_that_reads_nothing_is_dropped_without_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boundary, "SEND_SECONDS", 0.3)
    sent = 0

    async def tells_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        if scope["type"] != ScopeType.HTTP:
            for word in ("startup", "shutdown"):
                await receive()
                await send(cast(Any, {"type": f"lifespan.{word}.complete"}))
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 4096, "more_body": True})
            sent += 4096
            await asyncio.sleep(0)

    async with served(tells_for_ever) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(HELLO % b"/")
        async with asyncio.timeout(60):
            while not server.server_state.connections:
                await asyncio.sleep(0.01)
            while server.server_state.connections:  # it would wait for the client to read the rest
                await asyncio.sleep(0.01)
        assert sent < 1 << 20
        writer.close()


async def events_of(reader: asyncio.StreamReader, *names: str) -> AsyncIterator[Any]:
    """The data of the events of these names, until the stream ends."""
    name = ""
    while line := await reader.readline():
        field, _, value = line.decode().strip().partition(": ")
        name = value if field == "event" else name
        if field == "data" and name in names:
            yield json.loads(value)


async def test_what_the_indexer_writes_is_told_at_once_also_after_an_outage_until_sigterm(
    platform: Platform,
) -> None:
    address = urlsplit(platform.env["DATABASE_URL"])
    proxy = TcpProxy(f"{address.hostname}:{address.port}")
    url = behind(proxy, platform.env["DATABASE_URL"])
    settings = DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))
    with closing(CatalogWriter(settings)) as writer:
        writer.save(Rows(), rows(imports=[an_import(1)]), {})
        async with running({**platform.env, "DATABASE_URL": url}) as api:
            async with proxy.open():
                await api.until(200)
                port = api.client.base_url.port
                reader, connection = await asyncio.open_connection("127.0.0.1", port)
                connection.write(HELLO % b"/imports/import-0001/events")
                events = events_of(reader, "snapshot", "import", "trouble")
                assert (await anext(events))["stored"] == 2
                numbers = itertools.count(3)

                async def five_are_told_at_once() -> None:
                    for stored in itertools.islice(numbers, 5):
                        row, began = an_import(1, stored=stored), time.monotonic()
                        await asyncio.to_thread(writer.save, Rows(), rows(imports=[row]), {})
                        async with asyncio.timeout(60):
                            while (await anext(events))["stored"] != stored:
                                pass
                        # Less than the time after which the API looks anyway.
                        assert time.monotonic() - began < 1

                await undisturbed(five_are_told_at_once, stall=0.3)
                last = next(numbers) - 1
            assert (await anext(events))["code"] == "database_unavailable"
            async with proxy.open():
                assert (await anext(events))["stored"] == last
                async with asyncio.timeout(12):  # less than until the next sign of life
                    api.process.terminate()
                    assert [event async for event in events if "code" not in event] == []
                connection.close()

"""Server-sent events: what is watched, told to many clients, each as fast as it reads."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from litestar.types import ASGIApp

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api import live
from services.core.errors import TryAgain
from services.core.events import WindowCounted
from services.core.wire import encode
from tests.catalog_rows import a_folder, an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.unit.api import replaying
from tests.unit.api.conftest import SCOPE, Api, running

ONE = "/imports/import-0001"
AWAY = TryAgain("database_unavailable", "The database is not responding.")


@pytest.fixture(autouse=True)
def every_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait long for the next change."""
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.02)


@dataclass
class Client:
    """What a connected client has received, and whether it still reads."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    comments: int = 0
    status: int = 0
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    raw: bytes = b""
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Any) -> None:
        """As a server's, which waits while its client does not read."""
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.raw += message["body"]
        if self.status != 200:
            return
        for block in message["body"].decode().split("\n\n"):
            told = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
            self.comments += block.startswith(":")
            if "event" in told:
                assert told["id"].isdigit()
                self.events.append((told["event"], json.loads(told["data"])))

    async def until(self, *names: str) -> Any:
        """The data of the first event of these names that comes; those before it are dropped."""
        async with asyncio.timeout(60):
            while True:
                while self.events:
                    name, data = self.events.pop(0)
                    if name in names:
                        return data
                await asyncio.sleep(0.002)


@asynccontextmanager
async def connected(
    app: ASGIApp, path: str, method: str = "GET", headers: Mapping[bytes, bytes] | None = None
) -> AsyncIterator[Client]:
    client, gone = Client(), asyncio.Event()
    client.reads.set()

    async def receive() -> object:
        await gone.wait()
        return {"type": "http.disconnect"}

    given = [*cast(Any, SCOPE["headers"]), *(headers or {}).items()]
    scope = {**SCOPE, "path": path, "raw_path": path.encode(), "method": method, "headers": given}
    serving = asyncio.ensure_future(app(cast(Any, scope), cast(Any, receive), client.send))
    serving.add_done_callback(lambda _: client.ended.set())
    try:
        yield client
    finally:
        gone.set()
        client.reads.set()
        async with asyncio.timeout(60):
            await serving


async def test_a_stream_begins_with_what_get_says_and_goes_on_with_changes(
    api: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(imports=[an_import(1), an_import(2)], folders=[a_folder(1)]))
    async with (
        connected(api.app, f"{ONE}/events") as one,
        connected(api.app, "/events", headers={b"last-event-id": b"\xff nonsense"}) as everything,
    ):
        assert await one.until("snapshot") == (await api.client.get(ONE)).json()
        assert await everything.until("snapshot") == (await api.client.get("/imports")).json()
        assert one.status == everything.status == 200
        assert one.headers[b"content-type"].startswith(b"text/event-stream")
        assert one.headers[b"cache-control"] == b"no-store"
        assert one.raw.startswith(b"retry: ")
        catalog.fill(rows(imports=[an_import(1, stored=3, pending=0)]))
        assert await one.until("import") == (await api.client.get(ONE)).json()
        assert (await everything.until("import"))["stored"] == 3
        catalog.fill(rows(imports=[an_import(2, state="completed")]))
        assert (await everything.until("import"))["id"] == "import-0002"
        assert "import" not in dict(one.events)


async def test_a_request_is_told_before_the_indexer_has_a_row_of_it(api: Api) -> None:
    async with connected(api.app, "/events") as everything:
        assert await everything.until("snapshot") == []
        started = await api.start("1AbCdEfGhIjKlMnOpQrStUvWxYz012345")
        shown = await everything.until("import")
        assert (shown["id"], shown["state"]) == (started.json()["jobId"], "queued")
        async with connected(api.app, f"{started.headers['location']}/events") as one:
            assert (await one.until("snapshot"))["state"] == "queued"
            await api.client.post(f"{started.headers['location']}/pause")
            assert (await one.until("import"))["state"] == "paused"


async def test_replays_are_told_with_all_imports_and_with_no_single_one(api: Api) -> None:
    await replaying.filled(api)
    async with (
        connected(api.app, f"{ONE}/events") as one,
        connected(api.app, "/events") as everything,
    ):
        await everything.until("snapshot")
        replay_id = await replaying.started(api)
        told = await everything.until("replay")
        assert told == (await api.client.get("/replays")).json()[0]
        await api.client.post(f"/replays/{replay_id}/pause")
        assert (await everything.until("replay"))["state"] == "paused"
        async with connected(api.app, "/events") as late:
            assert (await late.until("replay"))["state"] == "paused"
        assert "replay" not in dict(one.events)


async def test_an_old_import_that_ends_is_told_once_more(api: Api, catalog: FakeCatalog) -> None:
    others = [an_import(number, state="completed") for number in range(2, 40)]
    catalog.fill(rows(imports=[an_import(1), *others]))
    async with connected(api.app, "/events") as everything:
        listed = [row["id"] for row in await everything.until("snapshot")]
        assert len(listed) == live.NEWEST + 1
        assert listed[-1] == "import-0001"
        catalog.fill(rows(imports=[an_import(1, state="completed_with_failures")]))
        assert (await everything.until("import"))["state"] == "completed_with_failures"


@pytest.mark.parametrize("id", ["nobody-s", "x" * 300, "a\x00b", "a\nb", "%2e%2e"])
async def test_an_unknown_import_is_a_404_and_spoils_nobody_s_stream(
    api: Api, catalog: FakeCatalog, id: str
) -> None:
    catalog.fill(rows(imports=[an_import(1)]))
    async with connected(api.app, f"{ONE}/events") as one:
        assert await one.until("snapshot")
        async with connected(api.app, f"/imports/{id}/events") as other:
            await other.ended.wait()
            assert other.status == 404
            assert json.loads(other.raw)["code"] == "unknown_import"
        catalog.fill(rows(imports=[an_import(1, stored=3)]))
        assert (await one.until("trouble", "import"))["stored"] == 3


async def test_while_the_database_is_away_the_stream_says_so_and_is_right_again(
    api: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(imports=[an_import(1)]))
    async with connected(api.app, f"{ONE}/events") as early:
        await early.until("snapshot")
        catalog.trouble = AWAY
        catalog.fill(rows(imports=[an_import(1, stored=5)]))
        trouble = {"code": "database_unavailable", "detail": AWAY.message}
        assert await early.until("trouble", "import") == trouble
        async with connected(api.app, f"{ONE}/events") as late:  # not a 503: a browser gives up
            assert await late.until("trouble", "snapshot") == trouble
            assert late.status == 200
            catalog.trouble = None
            catalog.fill(rows())
            for client in (early, late):
                assert (await client.until("snapshot"))["stored"] == 5
                assert "trouble" not in dict(client.events)


async def test_while_kafka_is_away_an_import_may_be_one_that_only_kafka_knows(
    log: FakeLog, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CATCH_UP_SECONDS", 0.01)
    away = KafkaUnavailableError("away")

    def no_reader(_log: FakeLog) -> FakeLogReader:
        raise away

    publisher = FakePublisher(log, lambda: away, "api")
    async with (
        running(log, catalog, publisher, reader=no_reader) as api,
        connected(api.app, f"{ONE}/events") as one,
    ):
        assert (await one.until("trouble"))["code"] == "kafka_unavailable"
        catalog.fill(rows(imports=[an_import(1)]))
        assert (await one.until("snapshot"))["id"] == "import-0001"


async def test_a_database_that_hangs_is_told_and_waited_for(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LATE_SECONDS", 0.01)
    monkeypatch.setattr(live, "GIVE_UP_SECONDS", 0.05)
    answer, goes_on = catalog.live_imports, asyncio.Event()

    async def hangs(*args: Any, **options: Any) -> Any:
        await goes_on.wait()
        return await answer(*args, **options)

    catalog.fill(rows(imports=[an_import(1)]))
    monkeypatch.setattr(catalog, "live_imports", hangs)
    async with connected(api.app, f"{ONE}/events") as one:
        assert (await one.until("trouble"))["code"] == "database_unavailable"
        monkeypatch.setattr(live, "GIVE_UP_SECONDS", 60)
        await asyncio.sleep(0.1)
        async with connected(api.app, "/events") as other:  # while the next read hangs
            assert (await other.until("trouble"))["code"] == "database_unavailable"
            goes_on.set()
            assert (await one.until("snapshot"))["id"] == "import-0001"
            assert len(await other.until("snapshot")) == 1


async def test_a_bug_of_ours_ends_no_stream(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.fill(rows(imports=[an_import(1)]))

    async def fails(*_args: Any, **_options: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(catalog, "live_imports", fails)
        async with connected(api.app, "/events") as everything:
            assert (await everything.until("trouble"))["code"] == "internal_error"
            broken.undo()
            catalog.fill(rows())
            assert len(await everything.until("snapshot")) == 1


async def test_changes_are_coalesced_to_four_a_second_in_one_query_for_all(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert live.EVERY_SECONDS == 1 / 4
    catalog.fill(rows(imports=[an_import(1)]))
    async with (
        connected(api.app, f"{ONE}/events") as one,
        connected(api.app, f"{ONE}/events") as two,
        connected(api.app, "/events") as everything,
    ):
        for client in (one, two, everything):
            await client.until("snapshot")
        reads, began = catalog.live_reads, asyncio.get_running_loop().time()
        for stored in range(300):
            catalog.fill(rows(imports=[an_import(1, found=1000, stored=stored)]))
            await asyncio.sleep(0.002)
        while (await one.until("import"))["stored"] < 299:
            pass
        passed = asyncio.get_running_loop().time() - began
        assert 1 <= catalog.live_reads - reads <= passed / live.EVERY_SECONDS + 2


async def test_a_client_that_does_not_read_gets_the_newest_state_alone(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.0)
    catalog.fill(rows(imports=[an_import(1), an_import(2)]))
    async with (
        connected(api.app, "/events") as slow,
        connected(api.app, "/events") as fast,
    ):
        for client in (slow, fast):
            await client.until("snapshot")
        slow.reads.clear()
        for stored in range(50):
            catalog.fill(rows(imports=[an_import(1, found=1000, stored=stored)]))
            while (await fast.until("import"))["stored"] != stored:
                pass
        slow.reads.set()
        await slow.until("import")  # which it was being sent
        assert (await slow.until("import"))["stored"] == 49


async def test_a_comment_comes_every_while_and_a_stream_ends_with_its_client(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "COMMENT_SECONDS", 0.02)
    async with connected(api.app, "/events") as everything:
        await everything.until("snapshot")
        async with asyncio.timeout(60):
            while everything.comments < 3:
                await asyncio.sleep(0.01)
    reads = catalog.live_reads
    catalog.fill(rows(imports=[an_import(1)]))
    await asyncio.sleep(0.6)
    assert catalog.live_reads == reads  # nobody watches, so nothing is read


async def test_streams_end_when_the_process_stops(api: Api) -> None:
    async with connected(api.app, "/events") as everything:
        await everything.until("snapshot")
        api.stopping.set()
        async with asyncio.timeout(60):
            await everything.ended.wait()
        assert everything.raw.endswith(b"\n\n")


async def test_head_answers_with_the_headers_alone(api: Api) -> None:
    async with connected(api.app, "/events", "HEAD") as everything:
        async with asyncio.timeout(60):
            await everything.ended.wait()
        assert (everything.status, everything.raw) == (200, b"")
        assert everything.headers[b"content-type"].startswith(b"text/event-stream")


async def test_it_is_never_compressed_which_would_hold_it_back(
    api: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(imports=[an_import(n) for n in range(9)]))
    async with connected(api.app, "/events", headers={b"accept-encoding": b"gzip"}) as everything:
        assert len(await everything.until("snapshot")) == 9
        assert b"content-encoding" not in everything.headers


async def test_there_is_a_bound_on_streams(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_CLIENTS", 1)
    catalog.fill(rows(imports=[an_import(1)]))
    async with connected(api.app, "/events") as first:
        await first.until("snapshot")
        refused = await api.client.get(f"{ONE}/events")
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
        assert refused.headers["retry-after"] == "10"
    async with connected(api.app, "/events") as second:
        assert await second.until("snapshot")


async def test_rates_come_from_the_windows_of_the_monitor(api: Api, catalog: FakeCatalog) -> None:
    catalog.fill(rows(imports=[an_import(1)]))
    async with (
        connected(api.app, f"{ONE}/events") as one,
        connected(api.app, "/events") as everything,
    ):
        assert await one.until("rates") is None
        assert await everything.until("rates") is None
        now = datetime.now(UTC)
        start = now.replace(second=now.second // 10 * 10, microsecond=0)
        windows = [
            WindowCounted(
                import_id=id,
                start=start - timedelta(seconds=back),
                seconds=10,
                as_of=start + timedelta(seconds=10),
                found=60,
                stored=30,
                bytes=3000,
            )
            for id in (None, "import-0001")
            for back in (0, 10, 20, 30)
        ]
        await api.log.append([encode(window, source="monitor") for window in windows])
        while (told := await everything.until("rates"))["stored_per_second"] < 3:
            pass
        assert told["seconds"] == 30
        assert (told["found_per_second"], told["bytes_per_second"]) == (6, 300)
        while (await one.until("rates"))["stored_per_second"] < 3:
            pass

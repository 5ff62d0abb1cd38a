"""The api as a process of its own, on real Kafka, PostgreSQL and object store."""

import asyncio
import io
import json
from contextlib import AsyncExitStack, closing
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from msgspec.structs import replace

from services.adapters.catalog.reader import STREAM_CONNECTIONS
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import ImportRequested
from services.core.object_key import object_key
from services.core.settings import Reader, Secret
from services.core.wire import decode
from tests.catalog_rows import an_image, rows
from tests.integration.api.process import Door, running, start, until
from tests.platform import Platform
from tests.samples import FOUND

pytestmark = pytest.mark.real
FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
MANY = 40_000


def fill_many(platform: Platform) -> None:
    """Pictures by the ten thousands, without the indexer."""
    with platform.database() as connection:
        connection.execute(
            "INSERT INTO images (google_drive_id, name, size, mime_type, storage_path, created_at, "
            "folder_id, path, drive_version, fetched, updated_at) SELECT 'file-' || n, "
            "repeat('x', 200), n, 'image/jpeg', 's3://pictures/' || repeat('y', 200) || n, now(), "
            "'folder', '{}', 0, true, now() FROM generate_series(1, %s) AS n",
            (MANY,),
        )


async def settled_transactions(platform: Platform) -> int:
    """The api's open transactions, as soon as there are none, or after two seconds."""
    count = -1
    for _ in range(40):
        with platform.database() as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'drivestream-api' "
                "AND datname = current_database() AND xact_start IS NOT NULL"
            ).fetchone()
        count = found[0] if found else -1
        if count == 0:
            break
        await asyncio.sleep(0.05)
    return count


async def test_an_import_goes_to_kafka_and_is_known_before_and_after_a_restart(
    platform: Platform,
) -> None:
    body = {"folderUrl": f"https://drive.google.com/drive/folders/{FOLDER}"}
    async with running(platform.env) as api:
        await api.until(200)
        started = await api.client.post("/import/google-drive", json=body)
        assert started.status_code == 202
        shown = (await api.client.get(started.headers["location"])).json()
        assert (shown["state"], shown["folder_id"]) == ("queued", FOLDER)
        assert (await api.client.get("/images")).json() == []
    settings = KafkaSettings.read(Reader(platform.env))
    with closing(LogReader(settings, client_id="test")) as reader:
        reader.seek({("imports.requested", 0): None})
        [record] = await asyncio.to_thread(reader.read, 10, 10)
    event = decode("imports.requested", record.value)
    assert isinstance(event, ImportRequested)
    assert event.import_id == started.json()["jobId"]
    assert record.headers["ce_source"] == b"/drivestream/api"
    async with running(platform.env) as api:
        await api.until(200)
        assert (await api.client.get(started.headers["location"])).json() == shown
        [listed] = (await api.client.get("/imports")).json()
        assert listed == {k: v for k, v in shown.items() if k != "failed_folders"}


async def test_it_starts_without_its_servers_says_so_and_goes_on_when_they_come(
    platform: Platform,
) -> None:
    kafka = Door(platform.env["KAFKA_BOOTSTRAP_SERVERS"])
    address = urlsplit(platform.env["DATABASE_URL"])
    database = Door(f"{address.hostname}:{address.port}")
    url = urlunsplit(address._replace(netloc=f"{address.username}:{address.password}@{database}"))
    behind = {"KAFKA_BOOTSTRAP_SERVERS": str(kafka), "DATABASE_URL": url}
    async with running({**platform.env, **behind}) as api:
        assert (await api.client.get("/health/live")).status_code == 200
        checks = (await api.until(503)).json()["checks"]
        assert (checks["kafka"]["ok"], checks["database"]["ok"]) == (False, False)
        refused = await api.client.get("/images")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        await until(lambda: len(api.said("api.waiting")) >= 2)
        assert str(address.password) not in json.dumps(api.lines) + refused.text
        async with database.open():
            assert (await api.until(200, "/images")).json() == []
            async with kafka.open():
                await api.until(200)
                await until(lambda: api.said("api.ready"))


async def test_the_whole_table_is_streamed_in_constant_memory(platform: Platform) -> None:
    fill_many(platform)
    async with running(platform.env) as api:
        await api.until(200)
        assert len((await api.client.get("/images?limit=1000")).json()) == 1000
        before = api.memory_mb()
        whole = await api.client.get("/images")
        grown = api.memory_mb() - before
        assert [image["id"] for image in whole.json()] == list(range(1, MANY + 1))
        assert len(whole.content) > 20_000_000
        assert grown < 15


async def test_readers_of_the_whole_table_that_leave_give_the_database_back(
    platform: Platform,
) -> None:
    fill_many(platform)
    async with running(platform.env) as api:
        await api.until(200)
        for _ in range(6):  # more than may stream at once
            async with api.client.stream("GET", "/images") as response:
                assert response.status_code == 200
                await anext(response.aiter_raw())
        assert await settled_transactions(platform) == 0
        async with AsyncExitStack() as readers:
            for _ in range(STREAM_CONNECTIONS):
                response = await readers.enter_async_context(api.client.stream("GET", "/images"))
                assert response.status_code == 200
            refused = await api.client.get("/images")
            assert (refused.status_code, refused.json()["code"]) == (503, "database_busy")
            assert len((await api.client.get("/images?limit=5")).json()) == 5
        assert len((await api.client.get("/images")).json()) == MANY


async def test_a_list_that_breaks_off_is_seen_by_its_reader(platform: Platform) -> None:
    fill_many(platform)
    async with running(platform.env) as api:
        await api.until(200)
        received: list[bytes] = []
        async with api.client.stream("GET", "/images") as response:
            pieces = response.aiter_raw()
            received.append(await anext(pieces))
            with platform.database() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                    "application_name = 'drivestream-api' AND datname = current_database()"
                )
            with pytest.raises(httpx.RemoteProtocolError):
                received += [piece async for piece in pieces]
        assert received[0].startswith(b"[{")
        assert len((await api.client.get("/images?limit=5")).json()) == 5
        assert platform.env["DATABASE_URL"] not in json.dumps(api.lines)


async def test_the_bytes_come_from_the_store_under_the_files_own_name(platform: Platform) -> None:
    bucket, content = platform.env["S3_BUCKET"], b"\xff\xd8\xff not really a picture"
    names = ["plain.jpg", "Grüße 🌄 & 'co' +%2f;.jpg", 'a"b\r\nX: y.jpg']
    images = []
    for number, name in enumerate(names):
        key = object_key(replace(FOUND, name=name))
        platform.minio().put_object(bucket, key, io.BytesIO(content), len(content))
        images.append(an_image(number, name=name, storage_path=f"s3://{bucket}/{key}"))
    address = DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))
    with closing(CatalogWriter(address)) as writer:
        writer.save(Rows(), rows(images=images), {})
    async with running(platform.env) as api:
        await api.until(200)
        for image in images:
            address_of = f"/images/{image.google_drive_id}/content"
            answer = await api.client.get(address_of, follow_redirects=True)
            assert answer.status_code == 200, answer.text
            assert answer.content == content
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["content-disposition"].startswith("inline; filename=")
            unsigned = str(answer.url).partition("?")[0]
            assert (await api.client.get(unsigned)).status_code == 403


async def test_a_port_that_is_taken_is_said(platform: Platform) -> None:
    async with running(platform.env) as api:
        port = api.client.base_url.port or 0
        second = await start(platform.env, port)
        _, said = await asyncio.wait_for(second.communicate(), 30)
        assert second.returncode == 1
        line = json.loads(said)
        assert line["reason"] == "cannot_listen"
        assert f"port {port}" in line["why"]


async def test_settings_at_fault_are_told_all_at_once(platform: Platform) -> None:
    process = await start({**platform.env, "DATABASE_URL": "", "S3_PUBLIC_READ": "perhaps"}, 70000)
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert all(name in said.decode() for name in ("DATABASE_URL", "S3_PUBLIC_READ", "PORT"))
    assert platform.env["AWS_SECRET_ACCESS_KEY"] not in said.decode()

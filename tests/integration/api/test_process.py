"""The api as a process of its own, on real Kafka, PostgreSQL and object store."""

import asyncio
import io
import json
from contextlib import AsyncExitStack, closing
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from msgspec.structs import replace

from services.adapters.catalog.read_pool import CONNECTIONS
from services.adapters.catalog.rows import ImageRow, Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import ImportRequested
from services.core.object_key import object_key
from services.core.settings import Reader, Secret
from services.core.wire import decode
from tests.catalog_rows import an_image, rows
from tests.integration.api.process import Running, TcpProxy, running, start, until
from tests.platform import Platform
from tests.samples import FOUND

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
MANY = 40_000


def fill_many(platform: Platform) -> None:
    """Pictures by the ten thousands, without the indexer."""
    with platform.database() as connection:
        connection.execute(
            "INSERT INTO images (google_drive_id, name, size, mime_type, storage_path, created_at, "
            "folder_id, path, drive_version, fetched, updated_at, metadata_at) "
            "SELECT 'file-' || n, repeat('x', 200), n, 'image/jpeg', "
            "'s3://pictures/' || repeat('y', 200) || n, now(), 'folder', '{}', 0, true, now(), "
            "now() FROM generate_series(1, %s) AS n",
            (MANY,),
        )


def behind(proxy: TcpProxy, url: str) -> str:
    """The address of a database that is reached through the proxy."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{proxy}"))


async def moment(api: Running, address: str) -> dict[str, object]:
    """An import's report without what changes by itself: what it waits for."""
    report: dict[str, object] = (await api.client.get(address)).json()
    return {k: v for k, v in report.items() if k not in ("failed_folders", "waiting_for")}


async def settled_transactions(platform: Platform) -> int:
    """The api's open transactions, as soon as there are none, or after half a minute."""
    count = -1
    for _ in range(600):
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
    # With these of its libraries' own it would wait in a debugger, or not start.
    theirs = {"LITESTAR_DEBUG": "1", "LITESTAR_PDB": "1", "WEB_CONCURRENCY": "many"}
    async with running({**platform.env, **theirs}) as api:
        await api.until(200)
        started = await api.client.post("/import/google-drive", json=body)
        assert started.status_code == 202
        shown = await moment(api, started.headers["location"])
        assert (shown["state"], shown["folder_id"]) == ("queued", FOLDER)
        assert (await api.client.get("/images")).json() == []
    settings = KafkaSettings.read(Reader(platform.env))
    with closing(LogReader(settings, client_id="test")) as reader:
        reader.seek({("imports.requested", 0): 0})
        [record] = await asyncio.to_thread(reader.read, 10, 10)
    event = decode("imports.requested", record.value)
    assert isinstance(event, ImportRequested)
    assert event.import_id == started.json()["jobId"]
    assert record.headers["ce_source"] == b"/drivestream/api"
    async with running(platform.env) as api:
        await api.until(200)
        assert await moment(api, started.headers["location"]) == shown
        [listed] = (await api.client.get("/imports")).json()
        unsteady = {"failed_folders", "waiting_for"}
        assert {k: v for k, v in listed.items() if k not in unsteady} == shown


async def test_it_starts_without_its_servers_says_so_and_goes_on_when_they_come(
    platform: Platform,
) -> None:
    kafka = TcpProxy(platform.env["KAFKA_BOOTSTRAP_SERVERS"])
    address = urlsplit(platform.env["DATABASE_URL"])
    database = TcpProxy(f"{address.hostname}:{address.port}")
    url = behind(database, platform.env["DATABASE_URL"])
    proxies = {"KAFKA_BOOTSTRAP_SERVERS": str(kafka), "DATABASE_URL": url}
    async with running({**platform.env, **proxies}) as api:
        assert (await api.client.get("/health/live")).status_code == 200
        checks = (await api.until(503)).json()["checks"]
        assert (checks["kafka"]["ok"], checks["database"]["ok"]) == (False, False)
        refused = await api.client.get("/images")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        await until(lambda: len(api.said("api.waiting")) >= 2)
        assert str(address.password) not in json.dumps(api.lines) + refused.text
        async with database.open():
            assert (await api.until(200, "/images")).json() == []
            words = ("pause", "cancel", "retry")
            asked = [api.client.post(f"/imports/nobody-s/{word}") for word in words]
            for answer in await asyncio.gather(*asked):
                assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
            async with kafka.open():
                await api.until(200)
                await until(lambda: api.said("api.ready"))
                assert (await api.client.post("/imports/nobody-s/pause")).status_code == 404


PLAIN = {"Accept-Encoding": "identity"}
"""To compress 20 MB for each of many readers would only take time."""


@pytest.mark.long
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


@pytest.mark.long
async def test_slow_readers_of_the_whole_table_hold_up_nobody(platform: Platform) -> None:
    fill_many(platform)
    async with running(platform.env) as api:
        await api.until(200)
        async with AsyncExitStack() as readers:
            pieces = []
            for _ in range(CONNECTIONS * 2):
                response = await readers.enter_async_context(
                    api.client.stream("GET", "/images", headers=PLAIN)
                )
                assert response.status_code == 200
                pieces.append(response.aiter_bytes())
            for slow in pieces:
                assert (await anext(slow)).startswith(b"[{")
            assert await settled_transactions(platform) == 0
            assert len((await api.client.get("/images?limit=5")).json()) == 5
            assert len((await api.client.get("/images", headers=PLAIN)).json()) == MANY
            rest = b"".join([piece async for piece in pieces[0]])
            assert rest.endswith(b"]")


async def test_a_list_that_breaks_off_is_seen_by_its_reader(platform: Platform) -> None:
    fill_many(platform)
    address = urlsplit(platform.env["DATABASE_URL"])
    proxy = TcpProxy(f"{address.hostname}:{address.port}")
    env = {**platform.env, "DATABASE_URL": behind(proxy, platform.env["DATABASE_URL"])}
    async with running(env) as api, AsyncExitStack() as opened:
        await opened.enter_async_context(proxy.open())
        await api.until(200)
        received: list[bytes] = []
        async with api.client.stream("GET", "/images", headers=PLAIN) as response:
            pieces = response.aiter_bytes()
            received.append(await anext(pieces))
            await opened.aclose()
            with pytest.raises(httpx.RemoteProtocolError):
                received += [piece async for piece in pieces]
        assert received[0].startswith(b"[{")
        assert not received[-1].endswith(b"]")
        [line] = api.said("list.broken_off")
        assert line["reason"] == "database_unavailable"
        assert str(address.password) not in json.dumps(api.lines)
        async with proxy.open():
            assert len((await api.until(200, "/images?limit=5")).json()) == 5


NAMES = ["plain.jpg", "Grüße 🌄 & 'co' +%2f;#?.jpg", 'a"b\r\nX: y.jpg']
CONTENT = b"\xff\xd8\xff not really a picture"


def stored(platform: Platform) -> list[ImageRow]:
    """Pictures of these names, in the store and in the catalog."""
    bucket, images = platform.env["S3_BUCKET"], []
    for number, name in enumerate(NAMES):
        key = object_key(replace(FOUND, name=name))
        client = platform.minio()
        client.put_object(bucket, key, io.BytesIO(CONTENT), len(CONTENT), "image/jpeg")
        path = f"s3://{bucket}/{key}"
        images.append(an_image(number, name=name, storage_path=path, content_type="image/png"))
    address = DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))
    with closing(CatalogWriter(address)) as writer:
        writer.save(Rows(), rows(images=images), {})
    return images


async def test_the_address_of_a_picture_opens_as_it_is_given(platform: Platform) -> None:
    images = stored(platform)
    async with running(platform.env) as api, httpx.AsyncClient() as browser:
        await api.until(200)
        listed = (await api.client.get("/images")).json()
        assert len(listed) == len(images)
        assert (await api.client.get("/images?limit=9")).json() == listed
        for image in listed:
            answer = await browser.get(image["storage_path"])
            assert (answer.status_code, answer.content) == (200, CONTENT)
            assert answer.headers["content-type"] == "image/jpeg"
            one = (await api.client.get(f"/images/{image['google_drive_id']}")).json()
            assert one["storage_path"] == image["storage_path"]


async def test_in_a_private_bucket_it_leads_to_a_signed_one_under_the_files_own_name(
    platform: Platform,
) -> None:
    platform.minio().delete_bucket_policy(platform.env["S3_BUCKET"])
    stored(platform)
    async with running({**platform.env, "S3_PUBLIC_READ": "false"}) as api:
        await api.until(200)
        async with httpx.AsyncClient(follow_redirects=True) as browser:
            for image in (await api.client.get("/images")).json():
                answer = await browser.get(image["storage_path"])
                assert (answer.status_code, answer.content) == (200, CONTENT)
                assert answer.headers["content-type"] == image["content_type"] == "image/png"
                assert answer.headers["content-disposition"].startswith("inline; filename=")
                unsigned = str(answer.url).partition("?")[0]
                assert (await browser.get(unsigned)).status_code == 403


async def test_other_names_and_forms_are_refused_and_head_is_answered(platform: Platform) -> None:
    async with running(platform.env) as api:
        await api.until(200)
        rebound = await api.client.get("/images", headers={"Host": "evil.example"})
        assert (rebound.status_code, rebound.json()["code"]) == (421, "host_not_allowed")
        form = await api.client.post("/import/google-drive", data={"folderUrl": FOLDER})
        assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
        assert (await api.client.get("/imports")).json() == []
        for address in ("/images", "/imports", "/schema", "/metrics", "/health/live"):
            head = await api.client.head(address)
            assert (head.status_code, head.content) == (200, b"")
        assert (await api.client.get("/images")).json() == []  # on the same connection


@pytest.mark.parametrize("password", ["Qz7@Xv9@Kj5", "Qz7%40Xv9%25Kj5"])
async def test_a_password_that_the_database_refuses_is_nowhere_to_be_seen(
    platform: Platform, password: str
) -> None:
    address = urlsplit(platform.env["DATABASE_URL"])
    url = address._replace(netloc=f"nobody:{password}@{address.hostname}:{address.port}").geturl()
    async with running({**platform.env, "DATABASE_URL": url}) as api:
        refused = await api.client.get("/images")
        assert refused.json()["code"] == "database_unavailable"
        ready = await api.until(503)
        await until(lambda: api.said("api.waiting"))
        said = json.dumps(api.lines) + refused.text + ready.text
        assert not [part for part in ("Qz7", "Xv9", "Kj5") if part in said]


async def test_a_port_that_is_taken_is_said(platform: Platform) -> None:
    async with running(platform.env) as api:
        port = api.client.base_url.port or 0
        second = await start(platform.env, port)
        _, said = await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 1
        line = json.loads(said.splitlines()[-1])
        assert line["reason"] == "cannot_listen"
        assert f"port {port}" in line["why"]


async def test_settings_at_fault_are_told_all_at_once(platform: Platform) -> None:
    process = await start({**platform.env, "DATABASE_URL": "", "S3_PUBLIC_READ": "perhaps"}, 70000)
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert all(name in said.decode() for name in ("DATABASE_URL", "S3_PUBLIC_READ", "PORT"))
    assert platform.env["AWS_SECRET_ACCESS_KEY"] not in said.decode()

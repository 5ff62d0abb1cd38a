"""GET /images/{id}/thumbnail, with drawing that is not real."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api import thumbnails
from services.core.errors import SetAside, Stop, TryAgain
from services.core.thumbnail import PREFIX
from tests.catalog_rows import FOLDER, an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.object_store import Kept
from tests.unit.api.conftest import PRIVATE, Api, holds, running

KEY = f"{FOLDER}/file-0001_0123456789ab_Picture.jpg"
SMALL = f"{PREFIX}320/{KEY}"
ADDRESS = "/images/file-0001/thumbnail"


@pytest.fixture
def api(api: Api) -> Api:
    """With one picture, `x`."""
    api.catalog.fill(rows(images=[an_image(1)]))
    api.store.objects[KEY] = Kept(b"x", "image/jpeg")
    return api


async def problem(api: Api, status: int, code: str, address: str = ADDRESS) -> httpx.Response:
    answer = await api.client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer


async def metric(api: Api, outcome: str) -> float:
    text = (await api.client.get("/metrics")).text
    name = f'drivestream_api_thumbnails_total{{outcome="{outcome}"}} '
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


async def test_it_is_made_on_first_view_and_kept(api: Api) -> None:
    for _ in range(3):
        answer = await api.client.get(ADDRESS, headers={"Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.content) == (200, b"x at 320")
        assert answer.headers["content-type"] == "image/webp"
        assert "content-encoding" not in answer.headers
    assert api.pool.drawn == [b"x"]
    assert api.store.objects[SMALL] == Kept(b"x at 320", "image/webp")
    assert (await metric(api, "drawn"), await metric(api, "kept")) == (1, 2)


async def test_a_large_one_is_not_compressed_again(api: Api) -> None:
    api.store.objects[SMALL] = Kept(b"a" * 10_000, "image/webp")
    answer = await api.client.get(ADDRESS, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == "10000"


async def test_a_width_is_rounded_up(api: Api) -> None:
    for asked, width in ((1, 160), (160, 160), (641, 1280), (10_000, 1280)):
        answer = await api.client.get(f"{ADDRESS}?width={asked}")
        assert answer.content == f"x at {width}".encode()
    assert len(api.pool.drawn) == 2
    for wrong in ("0", "-1", "10001", "wide", "1.5", ""):
        await problem(api, 400, "bad_parameter", f"{ADDRESS}?width={wrong}")
    await problem(api, 400, "bad_parameter", f"{ADDRESS}?height=7")


async def test_who_has_it_is_not_sent_it_again(api: Api) -> None:
    first = await api.client.get(ADDRESS)
    etag = first.headers["etag"]
    for known in (etag, f'W/{etag}, "other"', f'"other", {etag}', "*"):
        answer = await api.client.get(ADDRESS, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert answer.headers["cache-control"] == first.headers["cache-control"]
    assert "immutable" in first.headers["cache-control"]
    assert first.headers["cache-control"].startswith("public,")
    other = await api.client.get(f"{ADDRESS}?width=640", headers={"If-None-Match": etag})
    assert other.status_code == 200
    assert other.headers["etag"] != etag


async def test_a_changed_picture_has_a_new_thumbnail(api: Api) -> None:
    before = await api.client.get(ADDRESS)
    changed = f"{FOLDER}/file-0001_ba9876543210_Picture.jpg"
    api.store.objects[changed] = Kept(b"y", "image/jpeg")
    api.catalog.fill(rows(images=[an_image(1, storage_path=f"s3://pictures/{changed}")]))
    had = {"If-None-Match": before.headers["etag"]}
    assert (await api.client.get(ADDRESS, headers=had)).content == b"y at 320"


async def test_many_viewers_at_once_make_it_once(api: Api) -> None:
    api.pool.go_on.clear()
    viewers = [asyncio.ensure_future(api.client.get(ADDRESS)) for _ in range(20)]
    await holds(lambda: api.pool.drawing)
    await asyncio.sleep(0.05)
    viewers[0].cancel()
    api.pool.go_on.set()
    answers = await asyncio.gather(*viewers[1:])
    assert {answer.content for answer in answers} == {b"x at 320"}
    assert api.pool.drawn == [b"x"]


async def test_head_has_what_get_would_have(api: Api) -> None:
    got, head = await api.client.get(ADDRESS), await api.client.head(ADDRESS)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]


async def test_what_cannot_be_drawn_is_said_and_remembered(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.pool.troubles.append(SetAside("undrawable", "The picture is cut off."))
    for width in (320, 160):
        answer = await problem(api, 415, "no_thumbnail", f"{ADDRESS}?width={width}")
        assert answer.json()["detail"] == "The picture is cut off."
    assert await metric(api, "refused") == 2
    monkeypatch.setattr(thumbnails, "REFUSED_SECONDS", 0)
    api.catalog.fill(rows(images=[an_image(2)]))
    other = f"{FOLDER}/file-0002_0123456789ab_Picture.jpg"
    api.store.objects[other] = Kept(b"z", "image/jpeg")
    api.pool.troubles.append(SetAside("undrawable", "The picture is cut off."))
    await problem(api, 415, "no_thumbnail", "/images/file-0002/thumbnail")
    assert (await api.client.get("/images/file-0002/thumbnail")).content == b"z at 320"


async def test_only_so_many_refusals_are_remembered(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MOST_REFUSED", 1)
    api.catalog.fill(rows(images=[an_image(2)]))
    api.store.objects[KEY.replace("0001", "0002", 1)] = Kept(b"z", "image/jpeg")
    for number in (1, 2):
        api.pool.troubles.append(SetAside("undrawable", "The picture is cut off."))
        await problem(api, 415, "no_thumbnail", f"/images/file-000{number}/thumbnail")
    assert (await api.client.get(ADDRESS)).content == b"x at 320"
    await problem(api, 415, "no_thumbnail", "/images/file-0002/thumbnail")


async def test_too_many_at_once_are_told_to_come_again(api: Api) -> None:
    api.pool.troubles.append(TryAgain("thumbnails_busy", "Too many.", 2))
    answer = await problem(api, 503, "thumbnails_busy")
    assert answer.headers["retry-after"] == "2"
    assert await metric(api, "busy") == 1
    assert (await api.client.get(ADDRESS)).status_code == 200


async def test_the_number_under_way_has_a_bound(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "MOST_AT_ONCE", 1)
    api.pool.go_on.clear()
    first = asyncio.ensure_future(api.client.get(ADDRESS))
    await holds(lambda: api.pool.drawing)
    await problem(api, 503, "thumbnails_busy", f"{ADDRESS}?width=160")
    api.pool.go_on.set()
    assert (await first).status_code == 200


@pytest.mark.parametrize(
    "trouble",
    [
        TryAgain("store_unreachable", "The object store at http://inside:9000 cannot be reached."),
        Stop("no_bucket", "The object store at http://inside:9000 has no bucket pictures."),
    ],
)
async def test_a_store_that_does_not_answer_is_said(api: Api, trouble: Any) -> None:
    api.store.troubles.append(trouble)
    answer = await problem(api, 503, "store_unavailable")
    assert "inside" not in answer.text
    assert answer.headers["retry-after"] == "5"
    assert (await api.client.get(ADDRESS)).status_code == 200


async def test_a_store_that_hangs_is_waited_for_with_a_viewers_patience(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(_key: str) -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(600)
        yield b""

    monkeypatch.setattr(thumbnails, "STORE_SECONDS", 0.05)
    with monkeypatch.context() as hung:
        hung.setattr(api.store, "open", hangs)
        await problem(api, 503, "store_unavailable")
    assert (await api.client.get(ADDRESS)).status_code == 200


async def test_without_the_right_to_list_a_missing_thumbnail_is_made(api: Api) -> None:
    """Then S3 answers 403 for an object that is not there."""
    api.store.troubles.append(Stop("store_refused", "AccessDenied"))
    assert (await api.client.get(ADDRESS)).content == b"x at 320"


async def test_one_that_cannot_be_kept_is_shown_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise Stop("store_refused", "AccessDenied")

    monkeypatch.setattr(api.store, "put", refused)
    for _ in range(2):
        assert (await api.client.get(ADDRESS)).content == b"x at 320"
    assert len(api.pool.drawn) == 2


async def test_what_is_too_large_to_be_a_thumbnail_is_not_taken_for_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "LARGEST_THUMBNAIL", 10)
    api.store.objects[SMALL] = Kept(b"a" * 11, "image/webp")
    assert (await api.client.get(ADDRESS)).content == b"x at 320"


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    await problem(api, 404, "unknown_image", "/images/nothing/thumbnail")
    del api.store.objects[KEY]
    await problem(api, 404, "object_missing")
    api.catalog.fill(rows(images=[an_image(1, storage_path=f"s3://older/{KEY}")]))
    await problem(api, 404, "object_missing")


async def test_in_a_private_store_only_the_viewer_keeps_it(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(1)]))
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher, store=PRIVATE) as api:
        api.store.objects[KEY] = Kept(b"x", "image/jpeg")
        answer = await api.client.get(ADDRESS)
    assert answer.content == b"x at 320"
    assert answer.headers["cache-control"].startswith("private,")


async def test_the_unforeseen_harms_only_its_own_request(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_key: str) -> AsyncGenerator[bytes, None]:
        yield b""
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(api.store, "open", broken)
        await problem(api, 500, "internal_error")
    assert (await api.client.get(ADDRESS)).status_code == 200

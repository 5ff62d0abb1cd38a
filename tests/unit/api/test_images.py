"""GET /images and what lies under it."""

import asyncio
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from msgspec.structs import replace

from services.adapters.catalog.rows import Rows
from services.adapters.catalog.views.images import ImageFilter
from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.image_filter import listing_of
from services.core.errors import TryAgain
from tests.catalog_rows import BEGAN, FOLDER, a_file, a_folder, an_image, an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import PRIVATE, SCOPE, Api, running

KEY = f"{FOLDER}/file-0001_0123456789ab_Picture.jpg"
SEVEN = ["id", "name", "google_drive_id", "size", "mime_type", "storage_path", "created_at"]
MORE = ["content_type", "width", "height"]


def publisher(log: FakeLog) -> FakePublisher:
    return FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")


def following(response: httpx.Response) -> str | None:
    """The address of the next page."""
    return response.links.get("next", {}).get("url")


async def test_an_image_in_the_list_has_its_seven_fields_its_type_and_its_pixels(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(1, content_type="image/png")]))
    [image] = (await api.client.get("/images")).json()
    assert list(image) == [*SEVEN, *MORE]
    assert image == {
        "id": 1,
        "name": "Picture 1.jpg",
        "google_drive_id": "file-0001",
        "size": 1001,
        "mime_type": "image/jpeg",
        "storage_path": f"http://store.test:9000/pictures/{KEY}",
        "created_at": "2026-11-23T12:00:01.123456Z",
        "content_type": "image/png",
        "width": 640,
        "height": 480,
    }


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
async def test_without_a_limit_the_list_is_whole(api: Api, count: int) -> None:
    api.catalog.fill(rows(images=[an_image(n) for n in range(count)]))
    response = await api.client.get("/images")
    assert response.headers["content-type"] == "application/json"
    assert [image["id"] for image in response.json()] == list(range(1, count + 1))
    newest = await api.client.get("/images?order=newest")
    assert newest.json() == response.json()[::-1]


async def test_pages_follow_their_links_to_the_end(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(n) for n in range(5)]))
    for order, expected in (("id", [1, 2, 3, 4, 5]), ("newest", [5, 4, 3, 2, 1])):
        address: str | None = f"/images?limit=2&order={order}"
        seen: list[int] = []
        while address:
            page = await api.client.get(address)
            assert all(list(image) == [*SEVEN, *MORE] for image in page.json())
            seen += [image["id"] for image in page.json()]
            address = following(page)
        assert seen == expected


async def test_a_page_that_ends_with_the_table_has_no_link(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(n) for n in range(2)]))
    assert following(await api.client.get("/images?limit=2")) is None
    assert following(await api.client.get("/images?limit=1")) is not None


async def test_filters_are_kept_by_the_link(api: Api) -> None:
    stored = [a_file(n, state="stored") for n in range(3)]
    api.catalog.fill(rows(images=[an_image(n) for n in range(4)], files=stored))
    page = await api.client.get(f"/images?limit=2&import=import-0001&folder={FOLDER}")
    link = following(page)
    assert link is not None
    assert parse_qs(urlsplit(link).query)["import"] == ["import-0001"]
    rest = (await api.client.get(link)).json()
    assert [image["google_drive_id"] for image in page.json() + rest] == [
        f"file-{n:04}" for n in range(3)
    ]
    whole = await api.client.get("/images?import=import-0001")
    assert whole.json() == page.json() + rest
    assert (await api.client.get("/images?folder=elsewhere")).json() == []


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("limit=0", "bad_parameter", "limit"),
        ("limit=1001", "bad_parameter", "limit"),
        ("limit=many", "bad_parameter", "limit"),
        ("limit=", "bad_parameter", "limit"),
        ("order=odd&limit=1", "bad_parameter", "order"),
        ("limit=1&cursor=nonsense", "bad_cursor", "cursor"),
        ("limit=1&cursor=%F0%9F%8C%84", "bad_cursor", "cursor"),
        ("cursor=WyJpbWFnZXM6aWQiLDFd", "bad_parameter", "limit"),
    ],
)
async def test_a_parameter_that_cannot_be_is_refused_by_name(
    api: Api, query: str, code: str, parameter: str
) -> None:
    refused = await api.client.get(f"/images?{query}")
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == code
    assert [error["parameter"] for error in problem["errors"]] == [parameter]


async def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(n) for n in range(3)]))
    link = following(await api.client.get("/images?limit=1"))
    assert link is not None
    assert (await api.client.get(link)).status_code == 200
    refused = await api.client.get(link + "&order=newest")
    assert refused.json()["code"] == "bad_cursor"


async def test_a_list_that_breaks_off_is_no_list(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(n) for n in range(6)]))
    api.catalog.breaks_after = 2
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {**SCOPE, "path": "/images", "raw_path": b"/images"}
    await cast(Any, api.app)(scope, asyncio.Queue().get, send)
    assert [message.get("more_body") for message in sent] == [None, True, True]  # never the end
    assert sent[1]["body"].startswith(b'[{"id":1,')
    assert not sent[2]["body"].endswith(b"]")


async def test_a_list_that_cannot_begin_is_an_error_and_not_an_empty_list(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(1)]))
    api.catalog.breaks_after = 0
    response = await api.client.get("/images")
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    api.catalog.trouble = TryAgain("database_unavailable", "The database is not responding.")
    response = await api.client.get("/images")
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("address", ["/images?", "/images?limit=2&", "/images/sections?"])
async def test_an_import_that_nobody_knows_has_no_list_and_an_empty_one_has(
    api: Api, address: str
) -> None:
    api.catalog.fill(rows(images=[an_image(1)], imports=[an_import(1)]))
    unknown = await api.client.get(f"{address}import=import-9")
    assert unknown.headers["content-type"] == "application/problem+json"
    problem = unknown.json()
    assert (problem["status"], problem["code"]) == (404, "unknown_import")
    assert problem["detail"] == "There is no import with this id."
    assert (await api.client.get(f"{address}import=import-0001")).status_code == 200
    assert (await api.client.get(f"{address}name=nothing")).status_code == 200


async def test_times_that_are_swapped_are_both_named(api: Api) -> None:
    refused = await api.client.get("/images?since=2026-11-26&until=2026-11-25T08:00:00Z")
    problem = refused.json()
    assert (problem["status"], problem["code"]) == (400, "bad_parameter")
    assert problem["detail"] == (
        "since must be before until, but 2026-11-26 is not before 2026-11-25T08:00:00Z."
    )


async def test_one_picture_with_all_that_is_known(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(1)]))
    image = (await api.client.get("/images/file-0001")).json()
    assert list(image)[:7] == SEVEN
    assert image["path"] == "Holidays/2026"
    assert (image["folder_id"], image["width"], image["height"]) == (FOLDER, 640, 480)
    assert (image["md5"], image["sha256"]) == ("9e107d9d372bb6826bd81d3542a419d6", None)
    assert (image["drive_version"], image["modified_at"]) == (1, "2026-11-23T12:00:00.123456Z")


async def test_an_image_of_before_its_type_was_recorded_is_shown_as_drive_says(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(1, mime_type="image/gif", content_type=None)]))
    for answer in (await api.client.get("/images/file-0001"), await api.client.get("/images")):
        image = answer.json()[0] if isinstance(answer.json(), list) else answer.json()
        assert (image["mime_type"], image["content_type"]) == ("image/gif", "image/gif")


@pytest.mark.parametrize(
    ("content_type", "served", "way"),
    [
        ("image/png", "image/png", "inline"),
        (None, "image/jpeg", "inline"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("text/html", "application/octet-stream", "attachment"),
    ],
)
async def test_a_signed_address_is_of_the_type_of_the_bytes(
    log: FakeLog, catalog: FakeCatalog, content_type: str | None, served: str, way: str
) -> None:
    catalog.fill(rows(images=[an_image(1, mime_type="image/jpeg", content_type=content_type)]))
    async with running(log, catalog, publisher(log), store=PRIVATE) as api:
        answer = await api.client.get("/images/file-0001/content")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["response-content-type"] == [served]
    assert asked["response-content-disposition"][0].startswith(way)


@pytest.mark.parametrize("address", ["/images/nope", "/images/nope/content"])
async def test_a_picture_that_is_not_stored_is_not_found(api: Api, address: str) -> None:
    missing = await api.client.get(address)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_image")


@pytest.mark.parametrize("address", ["/images/a%00b", "/images/a%00b/content", "/imports/%00"])
async def test_an_id_that_nothing_can_have_is_refused(api: Api, address: str) -> None:
    refused = await api.client.get(address)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_parameter")


async def test_in_a_public_store_every_address_is_the_objects_own(api: Api) -> None:
    key = "folder/file_Grüße & 50% #1?.jpg"
    api.catalog.fill(rows(images=[an_image(1, storage_path=f"s3://pictures/{key}")]))
    address = (await api.client.get("/images/file-0001")).json()["storage_path"]
    assert address.isascii()
    assert unquote(urlsplit(address).path) == f"/pictures/{key}"
    assert (urlsplit(address).query, urlsplit(address).fragment) == ("", "")
    for listing in ("/images", "/images?limit=1"):
        assert (await api.client.get(listing)).json()[0]["storage_path"] == address
    content = await api.client.get("/images/file-0001/content")
    assert (content.status_code, content.headers["location"]) == (302, address)


async def test_in_a_private_store_every_address_is_the_apis_and_redirects_to_a_signed_one(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(1, google_drive_id="fileü?1")]))
    async with running(log, catalog, publisher(log), store=PRIVATE) as api:
        address = (await api.client.get("/images/file%C3%BC%3F1")).json()["storage_path"]
        assert address == "http://localhost:3000/images/file%C3%BC%3F1/content"
        for listing in ("/images", "/images?limit=1"):
            assert (await api.client.get(listing)).json()[0]["storage_path"] == address
        answer = await api.client.get(address)
    assert (answer.status_code, answer.content) == (302, b"")
    target = urlsplit(answer.headers["location"])
    assert (target.netloc, target.path) == ("store.test:9000", f"/pictures/{KEY}")
    assert "X-Amz-Signature" in target.query
    assert "never-to-be-seen" not in answer.headers["location"]
    assert answer.headers["cache-control"] == "private, max-age=300"


async def test_the_apis_own_address_is_a_setting_where_a_proxy_stands_before_it(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(1)]))
    env = {"API_PUBLIC_URL": "https://pictures.example.org/api/"}
    async with running(log, catalog, publisher(log), store=PRIVATE, env=env) as api:
        [image] = (await api.client.get("/images")).json()
        named = await api.client.get("/images", headers={"Host": "pictures.example.org"})
    assert image["storage_path"] == "https://pictures.example.org/api/images/file-0001/content"
    assert named.json() == [image]


def some_images() -> Rows:
    names = ["Beach 1.jpg", "beach 2.jpg", "100%_of.png", "1000.png"]
    types = ["image/jpeg", "image/jpeg", "image/png", "image/svg+xml"]
    return rows(images=[an_image(n, name=names[n], content_type=types[n]) for n in range(4)])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=BEACH", [0, 1]),
        ("name=%25", []),
        ("name=100%25", [2]),
        ("name=100_", []),
        ("type=image/png", [2]),
        ("type=IMAGE/Png", [2]),
        ("type=image/svg%2Bxml", [3]),
        ("type=image/svg+xml", [3]),
        ("min_size=1001&max_size=1002", [1, 2]),
        ("min_size=0&max_size=9223372036854775807", [0, 1, 2, 3]),
        ("since=2026-11-23T12:00:02Z", [2, 3]),
        ("since=2026-11-23T13:00:02%2B01:00", [2, 3]),
        ("since=2026-11-23T13:00:02+01:00", [2, 3]),
        ("until=2026-11-23T12:00:02Z", [0, 1]),
        ("since=2026-11-24", []),
        ("name=b&type=image/jpeg&min_size=1001&order=-name", [1]),
        ("order=-size", [3, 2, 1, 0]),
        ("order=name", [2, 3, 0, 1]),
        ("order=-created_at", [3, 2, 1, 0]),
        ("order=google_drive_id", [0, 1, 2, 3]),
        (f"folder={FOLDER}&name=beach", [0, 1]),
        ("name=x'%20OR%20'1'='1", []),
        ("import=import-0001", []),
    ],
)
async def test_filters_and_orders(api: Api, query: str, expected: list[int]) -> None:
    api.catalog.fill(some_images())
    api.catalog.fill(rows(imports=[an_import(1)]))
    ids = [f"file-{n:04}" for n in expected]
    answer = await api.client.get(f"/images?{query}")
    assert [image["google_drive_id"] for image in answer.json()] == ids
    address: str | None = f"/images?limit=1&{query}"
    seen = []
    while address:
        page = await api.client.get(address)
        seen += [image["google_drive_id"] for image in page.json()]
        address = following(page)
    assert seen == ids


async def test_images_below_a_folder(api: Api) -> None:
    paths = {"top": ("A",), "inner": ("A", "B"), "other": ("C",)}
    folders = [replace(a_folder(0), folder_id=id, path=path) for id, path in paths.items()]
    images = [an_image(n, folder_id=id) for n, id in enumerate(paths)]
    files = [a_file(n, state="stored") for n in range(3)]
    api.catalog.fill(rows(folders=folders, images=images, files=files))

    async def found(query: str) -> list[str]:
        answer = await api.client.get(f"/images?import=import-0001&{query}")
        return [image["google_drive_id"] for image in answer.json()]

    assert await found("folder=top") == ["file-0000"]
    assert await found("folder=top&below=true") == ["file-0000", "file-0001"]
    assert await found("folder=other&below=true") == ["file-0002"]


def test_a_cursor_outlives_an_upgrade() -> None:
    assert listing_of(ImageFilter(name="b")) == "images:e4df010c62e09819"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("below=true&import=import-0001", "below"),
        ("below=true&folder=x", "below"),
        ("below=perhaps", "below"),
        ("name=", "name"),
        (f"name={'x' * 201}", "name"),
        ("type=", "type"),
        (f"folder={'x' * 257}", "folder"),
        (f"import={'x' * 257}", "import"),
        ("min_size=-1", "min_size"),
        ("max_size=9223372036854775808", "max_size"),
        ("max_size=big", "max_size"),
        ("min_size=2&max_size=1", "min_size"),
        ("since=yesterday", "since"),
        ("since=2026-02-30", "since"),
        ("since=2026-11-23T12:00:02", "since"),
        ("since=0001-01-01T00:00:00%2B01:00", "since"),
        ("since=1", "since"),
        ("since=2026-W01", "since"),
        ("since=20261124", "since"),
        ("until=", "until"),
        ("since=2026-11-24&until=2026-11-24", "since"),
        ("order=--size", "order"),
        ("order=-newest", "order"),
        ("order=imported_at", "order"),
        ("order=-imported_at&name=b", "order"),
        ("count=perhaps", "count"),
        ("limit=-1", "limit"),
        ("colour=red", "colour"),
        ("size=1", "size"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused_by_name(
    api: Api, query: str, parameter: str
) -> None:
    refused = await api.client.get(f"/images?{query}")
    assert refused.status_code == 400, refused.text
    problem = refused.json()
    assert problem["code"] == "bad_parameter"
    assert [error["parameter"] for error in problem["errors"]] == [parameter]


async def test_the_newest_of_an_import_are_those_that_it_stored_last(api: Api) -> None:
    images = [an_image(n) for n in range(3)]
    times = [BEGAN + timedelta(minutes=m) for m in (5, 9, 1)]
    files = [a_file(n, state="stored", outcome_at=at) for n, at in enumerate(times)]
    api.catalog.fill(rows(images=images, files=files))
    address: str | None = "/images?import=import-0001&order=newest&limit=1"
    seen = []
    while address:
        page = await api.client.get(address)
        seen += page.json()
        address = following(page)
    assert [image["google_drive_id"] for image in seen] == ["file-0001", "file-0000", "file-0002"]
    assert [image["imported_at"][14:16] for image in seen] == ["09", "05", "01"]
    [first, *_] = (await api.client.get("/images")).json()
    assert "imported_at" not in first


@pytest.mark.parametrize("name", ["name", "type", "folder", "import"])
async def test_a_value_that_no_text_can_have_is_refused(api: Api, name: str) -> None:
    refused = await api.client.get(f"/images?{name}=a%00b")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_parameter")
    long = await api.client.get(f"/images?{name}={'x' * 10_000}")
    assert (long.status_code, long.json()["code"]) == (414, "address_too_long")


@pytest.mark.parametrize("other", ["name=c", "order=name&type=image/jpeg", "import=import-0001"])
async def test_a_cursor_of_another_query_is_refused(api: Api, other: str) -> None:
    api.catalog.fill(some_images())
    link = following(await api.client.get("/images?limit=1&name=b"))
    assert link is not None
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    refused = await api.client.get(f"/images?limit=1&{other}&cursor={cursor}")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("name", ["null", "NULL", "nul", "none"])
async def test_an_image_may_be_called_null(api: Api, name: str) -> None:
    one = replace(an_image(1), name="Null and none.jpg" if name != "none" else "None.jpg")
    api.catalog.fill(rows(images=[one, an_image(2)]))
    for path in (f"/images?name={name}", f"/images?name={name}&limit=1&count=true"):
        response = await api.client.get(path)
        assert [image["id"] for image in response.json()] == [1], response.text
    sections = await api.client.get(f"/images/sections?name={name}")
    assert sections.json()["total"] == 1


async def test_the_longest_name_fits_a_cursor(api: Api) -> None:
    names = ["\x01" * 300, "🌄" * 300]
    api.catalog.fill(rows(images=[an_image(n, name=name) for n, name in enumerate(names)]))
    link = following(await api.client.get("/images?limit=1&order=name"))
    assert link is not None
    assert [image["id"] for image in (await api.client.get(link)).json()] == [2]
    link = following(await api.client.get("/images?limit=1&order=-name"))
    assert link is not None
    assert [image["id"] for image in (await api.client.get(link)).json()] == [1]


async def test_a_count_is_exact_or_unknown_and_only_on_request(api: Api) -> None:
    api.catalog.fill(some_images())
    assert "Total-Count" not in (await api.client.get("/images?limit=1")).headers
    for query in ("limit=1&", ""):
        answer = await api.client.get(f"/images?{query}name=b&count=true")
        assert answer.headers["Total-Count"] == "2"
    head = await api.client.head("/images?limit=1&count=true")
    assert (head.headers["Total-Count"], head.content) == ("4", b"")
    assert "next" in head.links
    api.catalog.uncounted = True
    unknown = await api.client.get("/images?limit=1&count=true")
    assert (unknown.headers["Total-Count"], len(unknown.json())) == ("unknown", 1)

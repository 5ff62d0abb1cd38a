"""What every route does with parameters, cursors and bodies that it does not understand."""

import gzip
from typing import Any

import pytest

from services.api.lists import cursor_of
from tests.catalog_rows import an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.unit.api.conftest import Api

FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
LISTS = {
    "/imports": "imports",
    "/replays": "replays",
    "/images?limit=5": "images:id",
    "/dead-letters": "dead-letters",
}


async def routes(api: Api) -> list[tuple[str, str]]:
    paths: dict[str, Any] = (await api.client.get("/schema/openapi.json")).json()["paths"]
    return [(method, path) for path, item in paths.items() for method in item]


async def test_no_route_takes_a_parameter_that_it_does_not_declare(api: Api) -> None:
    for method, path in await routes(api):
        for query in ("limmit=1", "Limit=1", "cursor[]=", "=1", "x"):
            answer = await api.client.request(
                method, f"{path.replace('{', '').replace('}', '')}?{query}"
            )
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter"), path
            assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("query", ["limit=null", "import=null", "cursor=NULL", "folder=null"])
async def test_the_word_null_is_not_as_none(api: Api, query: str) -> None:
    answer = await api.client.get(f"/images?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


async def test_a_parameter_that_is_given_twice_is_refused(api: Api) -> None:
    answer = await api.client.get("/images?limit=1&limit=2")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


@pytest.mark.parametrize("path", LISTS)
async def test_an_empty_cursor_is_as_none(api: Api, path: str) -> None:
    query = "&" if "?" in path else "?"
    plain, empty = await api.client.get(path), await api.client.get(f"{path}{query}cursor=")
    assert (empty.status_code, empty.text) == (plain.status_code, plain.text)
    assert plain.status_code == 200
    assert (await api.client.get("/images?cursor=")).status_code == 200


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "key",
    [
        ["2026-01-01T00:00:00", "x"],
        ["2026-01-01", "x"],
        ["0000-00-00T00:00:00Z", "x"],
        [],
        -1,
        2**63,
        2**64,
        1.5,
        "x\x00",
    ],
    ids=repr,
)
async def test_a_cursor_that_nobody_was_given_is_refused(api: Api, path: str, key: object) -> None:
    query = "&" if "?" in path else "?"
    answer = await api.client.get(f"{path}{query}cursor={cursor_of(LISTS[path], key)}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "identity, gzip", "x"])
async def test_a_compressed_body_is_refused_by_every_route_that_takes_one(
    api: Api, encoding: str
) -> None:
    body = gzip.compress(b'{"folderUrl": "' + FOLDER.encode() + b'"}')
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    for method, path in await routes(api):
        if method == "get":
            continue
        answer = await api.client.request(method, path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding"), path
        assert answer.headers["accept-encoding"] == "identity"
    assert api.log.of("imports.requested") == []


async def test_every_body_may_begin_with_a_byte_order_mark(api: Api) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    body = b'\xef\xbb\xbf{"folderUrl": "' + FOLDER.encode() + b'"}'
    started = await api.client.post("/import/google-drive", content=body, headers=headers)
    assert started.status_code == 202
    for method, path in (("post", "/replays/plan"), ("post", "/replays"), ("patch", "/replays/x")):
        answer = await api.client.request(
            method, path, content=b'\xef\xbb\xbf{"x": 1}', headers=headers
        )
        assert "x is not a known field" in answer.json()["detail"]
    retry = await api.client.post(
        "/imports/x/retry", content=b'\xef\xbb\xbf{"reason": 1}', headers=headers
    )
    assert retry.json()["code"] == "bad_retry"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_a_body_as_windows_writes_it_is_read(api: Api, encoding: str) -> None:
    started = await api.client.post(
        "/import/google-drive",
        content=f'{{"folderUrl": "{FOLDER}"}}'.encode(encoding),
        headers={"Content-Type": "application/json"},
    )
    assert started.status_code == 202


@pytest.mark.parametrize(
    ("path", "name", "twice"),
    [
        ("/import/google-drive", "folderUrl", f'"{FOLDER}"'),
        ("/imports/x/retry", "reason", '"timeout"'),
        ("/replays/plan", "mode", '"all"'),
        ("/replays", "plan_id", '"x"'),
    ],
)
async def test_a_name_that_is_given_twice_is_refused(
    api: Api, path: str, name: str, twice: str
) -> None:
    answer = await api.client.post(
        path,
        content=f'{{"{name}": "{FOLDER[::-1]}", "{name}": {twice}}}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")
    assert f"`{name}` twice" in answer.json()["detail"]
    assert api.log.of("imports.requested") == []


@pytest.mark.parametrize("path", ["/images?x=1", "/import/google-drive?x", "/health/live?x=1"])
async def test_the_methods_are_told_whatever_the_query_says(api: Api, path: str) -> None:
    answer = await api.client.options(path)
    assert answer.status_code == 204
    assert answer.headers["allow"]


async def test_a_key_that_was_used_for_another_link_is_a_422(api: Api) -> None:
    link = f"https://drive.google.com/drive/folders/{FOLDER}"
    assert (await api.start(link, "key")).status_code == 202
    assert (await api.start(FOLDER, "key")).status_code == 202
    for other in (f"{link}?resourcekey=0-abc", link.replace("1Ab", "1Zb")):
        answer = await api.start(other, "key")
        assert (answer.status_code, answer.json()["code"]) == (422, "other_folder")


@pytest.mark.parametrize("query", ["", "?limit=100"])
async def test_a_list_is_compressed_for_those_who_ask(
    api: Api, catalog: FakeCatalog, query: str
) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(100)]))
    answers = {}
    for wish in ("gzip", "GZIP", "br, gzip;q=0.5", "identity", "gzip;q=0", "br"):
        answer = await api.client.get(f"/images{query}", headers={"Accept-Encoding": wish})
        answers[wish] = answer.headers.get("content-encoding")
        assert len(answer.json()) == 100
        assert "accept-encoding" in answer.headers["vary"].lower()
    assert list(answers.values()) == ["gzip", "gzip", "gzip", None, None, None]

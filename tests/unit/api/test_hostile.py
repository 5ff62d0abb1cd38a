"""Hostile requests to every route that the document has: none is answered with an error of ours,
none changes anything, and none costs memory."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from itertools import product
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest

from services.api import boundary
from services.api.connections import REFUSED
from services.api.routes import openapi_document
from services.core import wire
from tests.catalog_rows import a_file, an_image, an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.unit.api.conftest import SCOPE, Api
from tests.unit.api.test_words import assert_is_ours

LINK = {"folderUrl": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"}
DOCUMENT = openapi_document()
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if "text/event-stream" not in str(operation["responses"])  # a stream without an end
]
READS = [(path, it) for method, path, it in OPERATIONS if method == "GET"]
IDS = ("import-0001", "file-0001", "replay-1", "1FolderFolderFolderFolder")
VALUES = (
    *("-1", "0", "1e3", "0x10", "9" * 400, "NaN", "Infinity", "true", "[]", "{}"),
    *("' OR 1=1 --", "'; DROP TABLE images; --", "1) UNION SELECT 1", "%", "_", "\\", '"', "$1"),
    *("\x00", "\x1b[2J", "\r\nX-Injected: 1", "\u202e", "\ud83d\ude00", "é" * 500, " ", "null"),
    *("../../etc/passwd", "<script>alert(1)</script>", "${jndi:ldap://x}", "{{7*7}}", "%00", "*"),
)
MEGABYTE = b"x" * 2**20


def filled(path: str, id: str) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(id, safe="") + rest.partition("}")[2]
    return path


def assert_is_refused_or_answered(answer: httpx.Response, about: object) -> None:
    assert answer.status_code < 500, about
    assert "X-Injected" not in answer.headers
    if answer.status_code >= 400:
        assert_is_ours(answer.json())


@pytest.fixture
async def full(api: Api, catalog: FakeCatalog) -> Api:
    files = [a_file(n) for n in range(3)]
    images = [an_image(n) for n in range(3)]
    catalog.fill(rows(imports=[an_import(1)], files=files, images=images))
    return api


@pytest.mark.parametrize(("path", "operation"), READS, ids=[path for path, _ in READS])
async def test_no_value_of_a_parameter_does_harm(
    full: Api, path: str, operation: Mapping[str, Any]
) -> None:
    names = [it["name"] for it in operation.get("parameters", ()) if it["in"] == "query"]
    for name, value in product(names, VALUES):
        query = f"{name}={quote(value.encode('utf-8', 'surrogatepass'), safe='')}"
        answer = await full.client.get(f"{filled(path, 'import-0001')}?{query}")
        assert_is_refused_or_answered(answer, (path, query))
    if "{" not in path:
        return
    for value in VALUES:
        answer = await full.client.get(filled(path, value.encode("utf-8", "replace").decode()))
        assert_is_refused_or_answered(answer, (path, value))
        assert answer.status_code in (400, 404), (path, value)


async def test_an_id_of_another_kind_is_unknown(full: Api) -> None:
    for (method, path, _), id in product(OPERATIONS, IDS):
        of_kind = {"{import_id}": "import-0001", "{google_drive_id}": "file-0001"}
        mine = {known for name, known in of_kind.items() if name in path}
        if "{" not in path or id in mine:
            continue
        body = {"files_per_second": 5} if method == "PATCH" else None
        answer = await full.client.request(method, filled(path, id), json=body)
        assert answer.status_code == 404, (method, path, id)
        assert_is_ours(answer.json())
    assert full.log.of("imports.requested") == []


async def test_a_cursor_of_another_query_is_refused(full: Api) -> None:
    page = await full.client.get("/imports/import-0001/files?limit=1")
    cursor = page.links["next"]["url"].partition("cursor=")[2]
    assert (await full.client.get(page.links["next"]["url"])).status_code == 200
    for other in (
        "/imports/import-0001/files?state=pending",
        "/imports/import-0002/files?limit=1",
        "/imports?limit=1",
        "/images?limit=1",
        "/replays?limit=1",
        "/dead-letters?limit=1",
    ):
        answer = await full.client.get(f"{other}&cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor"), other


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_100_mb_is_left_unread(full: Api, declared: bool) -> None:
    for method, path, _ in OPERATIONS:
        taken = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal taken
            for _ in range(100):
                taken += 1
                yield MEGABYTE

        headers = {"Content-Type": "application/json"}
        if declared:
            headers["Content-Length"] = str(100 * len(MEGABYTE))
        answer = await full.client.request(
            method, filled(path, "import-0001"), content=body(), headers=headers
        )
        assert_is_refused_or_answered(answer, (method, path))
        if method != "GET":  # a stream takes and drops what comes, to notice when its reader leaves
            assert taken <= 1, (method, path)


async def test_a_body_that_never_comes_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "BODY_SECONDS", 0.01)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    headers = {"Content-Type": "application/json"}
    answer = await api.client.post("/import/google-drive", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
    assert answer.headers["connection"] == "close"


async def test_a_connection_too_many_is_told_so(api: Api) -> None:
    for path, status in (("/imports", 503), ("/nope", 503), ("/health/live", 200)):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope = {**SCOPE, "path": path, "raw_path": path.encode(), "state": {REFUSED: True}}
        await api.app(cast(Any, scope), cast(Any, asyncio.Queue().get), send)
        assert sent[0]["status"] == status, path
        if status == 503:
            assert dict(sent[0]["headers"])[b"connection"] == b"close"
            assert json.loads(sent[1]["body"])["code"] == "too_many_connections"


@pytest.mark.parametrize("key", ["one-key", None])
async def test_a_thousand_requests_of_one_link_at_once(api: Api, key: str | None) -> None:
    answers = await asyncio.gather(*(api.start(LINK["folderUrl"], key) for _ in range(1_000)))
    statuses = Counter(answer.status_code for answer in answers)
    started = {answer.json()["jobId"] for answer in answers if answer.status_code == 202}
    written = api.log.of("imports.requested")
    requested = {
        cast(Any, wire.decode("imports.requested", record.value)).import_id for record in written
    }
    assert requested == started
    assert len(written) == len(started) == (1 if key else 1_000)
    assert set(statuses) <= ({202, 409} if key else {202})
    waits = {answer.headers.get("retry-after") for answer in answers if answer.status_code == 409}
    assert waits <= {"1"}

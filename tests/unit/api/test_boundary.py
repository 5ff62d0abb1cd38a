"""What holds for every request: problems, headers, bounds."""

import asyncio
import json
from typing import Any, cast

import pytest
import structlog
from litestar.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from services.api import boundary
from services.api.boundary import LONGEST_ADDRESS, Boundary
from services.api.problems import KINDS
from services.api.settings import ApiSettings, is_allowed
from services.core.settings import Reader
from tests.catalog_rows import an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.unit.api.conftest import SCOPE, Api


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/images/a/b/c", 404, "not_found"),
        ("GET", "/schema/nope", 404, "not_found"),
        ("FROB", "/images", 405, "method_not_allowed"),
        ("DELETE", "/images", 405, "method_not_allowed"),
        ("GET", "/import/google-drive", 405, "method_not_allowed"),
        ("GET", "/" + "a" * LONGEST_ADDRESS, 414, "address_too_long"),
        ("GET", "/images?cursor=" + "a" * LONGEST_ADDRESS, 414, "address_too_long"),
    ],
)
async def test_what_no_route_answers_is_a_problem_too(
    api: Api, method: str, address: str, status: int, code: str
) -> None:
    response = await api.client.request(method, address)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"] == KINDS[code].title
    assert len(problem["instance"]) <= 200
    if status == 405:
        assert response.headers["allow"]


async def test_an_unforeseen_error_tells_nothing_of_the_inside(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_id: str) -> None:
        raise RuntimeError("postgresql://user:secret@host/db")

    monkeypatch.setattr(catalog, "image", broken)
    response = await api.client.get("/images/x")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_a_request_keeps_the_id_that_it_came_with(api: Api) -> None:
    named = await api.client.get("/nope", headers={"X-Request-Id": "trace-7.b_C"})
    assert named.headers["x-request-id"] == named.json()["request_id"] == "trace-7.b_C"
    for hostile in ("", "a b", "x" * 65, '"><script>'):
        answer = await api.client.get("/nope", headers={"X-Request-Id": hostile})
        assert answer.headers["x-request-id"] != hostile
        assert len(answer.headers["x-request-id"]) == 32


async def test_the_log_of_a_request_names_its_import(api: Api) -> None:
    link = "https://drive.google.com/drive/folders/1AbcDEfghIJklmnoPQRstuvWXyz012345"
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        started = await api.client.post("/import/google-drive", json={"folderUrl": link})
        job = started.json()["jobId"]
        await api.client.post(f"/imports/{job}/pause")
        await api.client.get("/imports/unknown-7/files")
        await api.client.get("/nope")
        await api.client.post("/imports/preview", json={})
    named = [line.get("import_id") for line in lines if line["event"] == "request"]
    assert named == [job, job, "unknown-7", None, None]
    assert len({line["request_id"] for line in lines}) == 5


async def test_every_answer_forbids_a_browser_to_guess_or_run_anything(api: Api) -> None:
    for address in ("/images", "/nope", "/schema", "/health/live"):
        headers = (await api.client.get(address)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-origin", 202), ("same-site", 202), ("none", 202)],
)
async def test_a_page_of_another_site_starts_nothing(api: Api, site: str, status: int) -> None:
    answer = await api.client.post(
        "/import/google-drive",
        json={"folderUrl": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"},
        headers={"Sec-Fetch-Site": site},
    )
    assert answer.status_code == status
    assert bool(api.log.of("imports.requested")) == (status == 202)
    reading = await api.client.get("/images", headers={"Sec-Fetch-Site": site})
    assert reading.status_code == 200


async def test_a_client_that_takes_nothing_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = asyncio.Event()

    async def streams_for_ever(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            while True:
                body = b"x" * 1000
                await send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            ended.set()

    async def takes_nothing(_message: Message) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(boundary, "SEND_SECONDS", 0.01)
    with pytest.raises(TimeoutError):
        await Boundary(streams_for_ever, ApiSettings.read(Reader({})))(
            cast(Any, {**SCOPE}), cast(Any, asyncio.Queue().get), takes_nothing
        )
    assert ended.is_set()


async def test_a_list_that_its_reader_leaves_is_read_no_further(
    api: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(100)]))
    sent: list[Message] = []
    gone = asyncio.Event()

    async def receive() -> object:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 3:
            gone.set()
        await asyncio.sleep(0)

    scope = {**SCOPE, "path": "/images", "raw_path": b"/images"}
    await api.app(cast(Any, scope), cast(Any, receive), send)
    assert 3 <= len(sent) < 10
    assert all(cast(Any, message).get("more_body", True) for message in sent)
    assert catalog.pages_read < 10


async def test_every_problem_is_explained_where_its_type_points(api: Api) -> None:
    page = (await api.client.get("/schema")).text
    for code in KINDS:
        assert f'id="{code}"' in page
    problem = json.loads((await api.client.get("/nope")).content)
    assert problem["type"] == "/schema#not_found"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", ""],
)
@pytest.mark.parametrize("address", ["/images", "/nope", "/health/live", "/schema", "/metrics"])
async def test_a_name_that_leads_here_from_elsewhere_is_refused(
    api: Api, address: str, host: str
) -> None:
    refused = await api.client.get(address, headers={"Host": host})
    assert (refused.status_code, refused.json()["code"]) == (421, "host_not_allowed")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "ALLOWED_HOSTS" in refused.json()["detail"]
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


async def test_a_page_elsewhere_whose_name_leads_here_starts_nothing(api: Api) -> None:
    headers = {"Host": "evil.example:3000", "Origin": "http://evil.example:3000"}
    body = {"folderUrl": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"}
    refused = await api.client.post("/import/google-drive", json=body, headers=headers)
    assert refused.status_code == 421
    assert api.log.of("imports.requested") == []


@pytest.mark.parametrize("headers", [[], [(b"host", b"localhost"), (b"host", b"evil.example")]])
async def test_there_must_be_one_host(api: Api, headers: list[tuple[bytes, bytes]]) -> None:
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {**SCOPE, "path": "/images", "raw_path": b"/images", "headers": headers}
    await api.app(cast(Any, scope), cast(Any, asyncio.Queue().get), send)
    assert sent[0]["status"] == 421


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LocalHost:3000", True),
        ("127.0.0.1:3000", True),
        ("[::1]:3000", True),
        ("192.168.1.5", True),  # an address cannot be made to lead elsewhere
        ("a.example.org", True),
        ("b.a.example.org:80", True),
        ("example.org", False),
        ("evilexample.org", False),
        ("localhost:3000:1", False),
        ("user@localhost", False),
        ("localhost/", False),
        ("localhost, evil.example", False),
        ("[localhost]", False),
        ("\xff", False),
    ],
)
def test_hosts_are_names_of_the_list_or_addresses(host: str, allowed: bool) -> None:
    assert is_allowed(host.encode("latin-1"), {"localhost", "*.example.org"}) == allowed


def test_a_star_allows_every_name() -> None:
    assert is_allowed(b"anything.example", {"*"})
    assert not is_allowed(b"not a name", {"*"})


@pytest.mark.parametrize(
    "address",
    [
        "/images",
        "/images?limit=1",
        "/images/file-0001",
        "/images/file-0001/content",
        "/images/nope",
        "/images?limit=0",
        "/imports",
        "/imports/nope",
        "/health/live",
        "/health/ready",
        "/schema",
        "/schema/openapi.json",
        "/nope",
        "/import/google-drive",
    ],
)
async def test_head_answers_with_the_headers_of_get(
    api: Api, catalog: FakeCatalog, address: str
) -> None:
    await api.settled()
    catalog.fill(rows(images=[an_image(n) for n in range(9)]))
    get, head = await api.client.get(address), await api.client.head(address)
    assert (head.status_code, head.content) == (get.status_code, b"")
    own = {"x-request-id", "content-length"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }


async def test_head_of_the_whole_list_reads_no_more_than_a_page(
    api: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(50)]))
    answer = await api.client.head("/images")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/json"
    assert catalog.pages_read <= 2


@pytest.mark.parametrize("path", ["/images", "/imports", "/nope"])
async def test_head_ends_with_one_empty_body(api: Api, catalog: FakeCatalog, path: str) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(9)]))
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {**SCOPE, "method": "HEAD", "path": path, "raw_path": path.encode()}
    await api.app(cast(Any, scope), cast(Any, asyncio.Queue().get), send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (sent[1]["body"], sent[1]["more_body"]) == (b"", False)


async def test_the_methods_of_an_address_are_named(api: Api) -> None:
    options = await api.client.options("/images")
    assert options.status_code == 204
    assert set(options.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    refused = await api.client.delete("/images")
    assert "HEAD" in refused.headers["allow"].split(", ")
    start = await api.client.options("/import/google-drive")
    assert set(start.headers["allow"].split(", ")) == {"POST", "OPTIONS"}

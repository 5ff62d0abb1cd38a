"""What holds for every request: problems, headers, bounds."""

import asyncio
import json
from typing import Any, cast

import pytest
from litestar.types import Message, Receive, Scope, Send

from services.api.boundary import LONGEST_ADDRESS, Boundary
from services.api.problems import KINDS
from tests.catalog_rows import an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.unit.api.conftest import SCOPE, Api


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/images/a/b/c", 404, "not_found"),
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


async def test_a_client_that_takes_nothing_is_left_after_a_while() -> None:
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

    with pytest.raises(TimeoutError):
        await Boundary(streams_for_ever, send_seconds=0.01)(
            cast(Any, {**SCOPE}), cast(Any, asyncio.Queue().get), takes_nothing
        )
    assert ended.is_set()


async def test_a_list_that_its_reader_leaves_is_closed(api: Api, catalog: FakeCatalog) -> None:
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
    assert catalog.open_streams == 0


async def test_every_problem_is_explained_where_its_type_points(api: Api) -> None:
    page = (await api.client.get("/schema")).text
    for code in KINDS:
        assert f'id="{code}"' in page
    problem = json.loads((await api.client.get("/nope")).content)
    assert problem["type"] == "/schema#not_found"

"""Keys, methods and the outer form of responses."""

import gzip

import httpx
import pytest

from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import reason
from tests.unit.drive_emulator.conftest import KEY


async def test_a_request_without_a_key_is_refused(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files")
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": 403,
        "message": "The request is missing a valid API key.",
        "status": "PERMISSION_DENIED",
    }


async def test_a_wrong_key_is_a_bad_request(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files", params={"key": "wrong"})
    assert reason(answer) == (400, "badRequest", "")
    assert answer.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_the_key_may_be_a_header(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files", headers={"X-Goog-Api-Key": KEY})
    assert answer.status_code == 200


async def test_an_unknown_token_is_unauthorized(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files", headers={"Authorization": "Bearer x"})
    assert reason(answer) == (401, "authError", "Authorization")


async def test_a_long_get_may_come_as_a_post(
    drive: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    form = {"q": f"'{File(small, 1).id}' in parents", "fields": "files(name)"}
    headers = {"X-HTTP-Method-Override": "GET"}
    posted = await drive.post("/drive/v3/files", data=form, headers=headers)
    gotten = await drive.get("/drive/v3/files", params=form)
    assert posted.json() == gotten.json()
    assert len(posted.json()["files"]) == 8


async def test_an_endless_form_is_refused(drive: httpx.AsyncClient) -> None:
    headers = {"X-HTTP-Method-Override": "GET"}
    answer = await drive.post("/drive/v3/files", content=b"q=" + b"x" * 2_000_000, headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
async def test_a_key_cannot_write(drive: httpx.AsyncClient, method: str) -> None:
    assert reason(await drive.request(method, "/drive/v3/files"))[:2] == (401, "required")


@pytest.mark.parametrize(
    "path", ["/", "/drive/v3", "/drive/v3/files/", "/drive/v3/files/a/b", "/drive/v3/filesx"]
)
async def test_an_unknown_method_is_not_found(drive: httpx.AsyncClient, path: str) -> None:
    assert (await drive.get(path)).status_code == 404


async def test_json_is_indented_by_default(drive: httpx.AsyncClient) -> None:
    params = {"fields": "kind"}
    pretty = await drive.get("/drive/v3/files", params=params)
    assert pretty.text == '{\n  "kind": "drive#fileList"\n}'
    plain = await drive.get("/drive/v3/files", params={**params, "prettyPrint": "false"})
    assert plain.text == '{"kind":"drive#fileList"}'


@pytest.mark.parametrize(("agent", "compressed"), [("me (gzip)", True), ("me", False)])
async def test_json_is_compressed_if_both_headers_mention_gzip(
    drive: httpx.AsyncClient, agent: str, compressed: bool
) -> None:
    headers = {"user-agent": agent, "accept-encoding": "gzip"}
    async with drive.stream("GET", "/drive/v3/files", headers=headers) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    assert (gzip.decompress(raw) if compressed else raw).startswith(b"{")


async def test_too_many_parameters_are_refused(drive: httpx.AsyncClient) -> None:
    answer = await drive.get("/drive/v3/files", params={f"a{n}": "1" for n in range(500)})
    assert answer.status_code == 400

"""Batches: up to a hundred calls in one request."""

import email.parser
import email.policy
import json
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from drive_emulator.control.state import State
from drive_emulator.drive_api.batch import MAX_URL, read_batch
from drive_emulator.http.errors import ApiError
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import TOKEN, caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY

TYPE = 'multipart/mixed; boundary="here"'


@pytest.fixture
def state(store: TreeStore) -> State:
    return state_of(store)


@pytest.fixture
async def anybody(state: State) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials: the calls have them."""
    async with caller(state) as client:
        yield client


def batch(targets: Sequence[str], headers: str = "") -> bytes:
    """A batch of GETs, as google-api-python-client writes them."""
    parts = [
        f"--here\nContent-Type: application/http\nMIME-Version: 1.0\n"
        f"Content-Transfer-Encoding: binary\nContent-ID: <b + {number}>\n\n"
        f"GET {target} HTTP/1.1\nAccept: application/json\n{headers}\n\n"
        for number, target in enumerate(targets)
    ]
    return "".join([*parts, "--here--"]).encode()


async def answers(
    client: httpx.AsyncClient, body: bytes, path: str = "/batch/drive/v3"
) -> list[tuple[str, int, dict[str, object]]]:
    """Content-ID, status and JSON of each."""
    answer = await client.post(path, content=body, headers={"content-type": TYPE})
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.content)
    found = []
    for part in whole.iter_parts():
        text = part.get_payload(decode=True)
        assert isinstance(text, bytes)
        first, _, rest = text.partition(b"\r\n")
        found.append(
            (part["Content-ID"], int(first.split()[1]), json.loads(rest.partition(b"\r\n\r\n")[2]))
        )
    return found


async def test_every_response_has_the_id_of_its_call(
    anybody: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    ids = [File(small, ordinal).id for ordinal in (0, 5, 9)]
    targets = [f"/drive/v3/files/{each}?fields=id&key={KEY}" for each in ids]
    found = await answers(anybody, batch([*targets, f"/drive/v3/files/nobody?key={KEY}"]))
    assert [(name, status) for name, status, _ in found] == [
        ("<response-b + 0>", 200),
        ("<response-b + 1>", 200),
        ("<response-b + 2>", 200),
        ("<response-b + 3>", 404),
    ]
    assert [told["id"] for _, _, told in found[:3]] == ids


def test_a_folded_content_id_is_unfolded() -> None:
    part = b"--here\r\nContent-Type: application/http\r\nContent-ID: <long +\r\n 1>\r\n\r\n"
    [call] = read_batch(TYPE, part + b"GET /drive/v3/files HTTP/1.1\r\n\r\n\r\n--here--")
    assert (call.content_id, call.target) == ("<long + 1>", "/drive/v3/files")


async def test_every_call_is_counted_separately(
    state: State, anybody: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    target = f"/drive/v3/files/{File(small, 1).id}?key={KEY}"
    before = state.log.counts()["kinds"].get("get", 0)
    await answers(anybody, batch([target] * 7), "/batch")
    assert state.log.counts()["kinds"]["get"] - before == 7


async def test_a_call_without_credentials_does_not_affect_the_others(
    anybody: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    path = f"/drive/v3/files/{File(small, 1).id}"
    found = await answers(anybody, batch([path, f"{path}?key={KEY}"]))
    assert [status for _, status, _ in found] == [403, 200]


async def test_calls_inherit_the_credentials_of_the_batch(
    state: State, store: TreeStore, small: Tree
) -> None:
    path = f"/drive/v3/files/{File(small, 1).id}"
    async with caller(state, token=TOKEN) as client:
        [(_, status, _)] = await answers(client, batch([path]))
        [(_, control_error, _)] = await answers(client, batch([path], "Authorization: Bearer no\n"))
    assert (status, control_error) == (200, 401)


@pytest.mark.parametrize(
    "target",
    [
        "/drive/v3/files/x?alt=media&key=k",
        "/drive/v3/files/x/export?mimeType=a&key=k",
        "/download/drive/v3/files/x?key=k",
        "/calendar/v3/x",
        "/_emu/trees",
        "//[/drive/v3/files",
        "https://www.googleapis.com/drive/v3/files",
        f"/drive/v3/files?key=k&q={'x' * MAX_URL}",
    ],
)
async def test_some_calls_cannot_be_in_a_batch(anybody: httpx.AsyncClient, target: str) -> None:
    [(_, status, told)] = await answers(anybody, batch([target]))
    assert status == 400
    assert "error" in told


async def test_a_list_in_a_batch_is_never_compressed(
    state: State, store: TreeStore, small: Tree
) -> None:
    target = f"/drive/v3/files?key={KEY}&q='{File(small, 0).id}'+in+parents"
    headers = "Accept-Encoding: gzip\nUser-Agent: me (gzip)\n"
    async with caller(state) as client:
        [(_, status, told)] = await answers(client, batch([target], headers))
    assert (status, told["kind"]) == (200, "drive#fileList")


async def test_a_hundred_and_one_calls_are_too_many(anybody: httpx.AsyncClient) -> None:
    headers = {"content-type": TYPE}
    body = batch(["/drive/v3/files"] * 101)
    answer = await anybody.post("/batch/drive/v3", content=body, headers=headers)
    assert reason(answer)[:2] == (400, "badRequest")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("", b""),
        ("multipart/mixed", b"--here--"),
        (TYPE, b"no parts at all"),
        (TYPE, b"--here\nContent-Type: text/plain\n\nhello\n--here--"),
        (TYPE, b"--here\nContent-Type: application/http\n\nGET\n--here--"),
        (TYPE, b"--here\nContent-Type: application/http\n\n\xff\xfe\n--here--"),
        (TYPE, b"--here\nContent-Type: application/http\n\nGET /x\n"),
        (TYPE, b"--here--"),
        (TYPE, b"--here\n" * 100_000),
        ("multipart/mixed; boundary=here\r\nx: y", b"--here"),
        (TYPE, b"--here\nContent-Type: multipart/mixed; boundary=here\n\n" * 5_000),
    ],
)
def test_a_malformed_batch_is_a_bad_request(content_type: str, body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        read_batch(content_type, body)
    assert refused.value.status == 400

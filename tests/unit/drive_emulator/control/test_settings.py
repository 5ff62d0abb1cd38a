"""The control API: keys, tokens, the clock and knobs."""

import pytest

from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import Tree
from tests.unit.drive_emulator.clients import InProcessEmulator, caller
from tests.unit.drive_emulator.conftest import KEY


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


async def test_a_key_changes_its_state(drive: InProcessEmulator) -> None:
    told = await drive.client.post("/_emu/keys", json={"key": KEY, "state": "disabled"})
    assert told.json() == {"keys": {KEY: "disabled"}}
    assert (await drive.listed()).status_code == 403
    await drive.client.post("/_emu/keys", json={"key": KEY})
    assert (await drive.listed()).status_code == 200
    assert (await drive.client.get("/_emu/keys")).json() == {"keys": {KEY: "ok"}}


async def test_a_token_is_issued_for_an_account_and_revoked(drive: InProcessEmulator) -> None:
    made = await drive.client.post("/_emu/bearers", json={"account": "a@b.c", "life_s": 60})
    assert made.status_code == 201
    token = made.json()["access_token"]
    async with caller(drive.state, token=token) as client:
        assert (await client.get("/drive/v3/files")).status_code == 200
        await drive.client.delete(f"/_emu/bearers/{token}")
        assert (await client.get("/drive/v3/files")).status_code == 401


async def test_the_text_of_a_token_can_be_chosen(drive: InProcessEmulator) -> None:
    wanted = {"account": "a@b.c", "token": "chosen"}
    assert (await drive.client.post("/_emu/bearers", json=wanted)).status_code == 201
    assert drive.state.tokens.account("chosen") == "a@b.c"


async def test_the_clock_can_be_advanced(drive: InProcessEmulator) -> None:
    before = (await drive.client.get("/_emu/clock")).json()["now"]
    after = (await drive.client.post("/_emu/clock", json={"advance": 3_600})).json()["now"]
    assert after - before == pytest.approx(3_600, abs=30)


async def test_knobs_can_be_changed_and_read(drive: InProcessEmulator) -> None:
    told = (await drive.client.get("/_emu/knobs")).json()
    assert told["unknown_parent"] == "404"
    changed = (await drive.client.patch("/_emu/knobs", json={"unknown_parent": "empty"})).json()
    assert changed == {**told, "unknown_parent": "empty"}
    assert (await drive.listed("'nobody' in parents")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "keys", b'{"key": ""}'),
        ("POST", "keys", b'{"key": "x", "state": "lost"}'),
        ("POST", "bearers", b"{}"),
        ("POST", "bearers", b'{"account": "a", "life_s": -1}'),
        ("POST", "clock", b'{"advance": -5}'),
        ("POST", "clock", b'{"advance": "soon"}'),
        ("POST", "clock", b""),
        ("PATCH", "knobs", b'{"nonsense": 1}'),
        ("PATCH", "knobs", b"[]"),
        ("PATCH", "knobs", b"\xff"),
    ],
)
async def test_invalid_input_is_refused_with_a_sentence(
    drive: InProcessEmulator, method: str, path: str, body: bytes
) -> None:
    answer = await drive.client.request(method, f"/_emu/{path}", content=body)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10

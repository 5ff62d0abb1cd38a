"""The flags of TLS and of the service account, and TLS without the control API."""

import argparse
import json
from pathlib import Path

import httpx
import pytest

from drive_emulator.app import App
from drive_emulator.auth.service_accounts import EMAIL, ServiceAccounts
from drive_emulator.options import parser, tls_listeners, write_service_account
from drive_emulator.tree.store import TreeStore
from drive_emulator.validation import InvalidInput
from tests.unit.drive_emulator.clients import caller, state_of

URI = "http://127.0.0.1:1/token"


def options(*arguments: str) -> argparse.Namespace:
    return parser().parse_args(arguments)


def test_without_flags_there_is_no_tls() -> None:
    assert tls_listeners(options()) is None


def test_only_the_owner_can_read_a_service_account_file(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    write_service_account(path, ServiceAccounts(), URI)
    assert path.stat().st_mode & 0o777 == 0o600
    told = json.loads(path.read_text())
    assert (told["type"], told["client_email"], told["token_uri"]) == (
        "service_account",
        EMAIL,
        URI,
    )


def test_a_service_account_file_of_the_emulator_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    accounts = ServiceAccounts()
    write_service_account(path, accounts, URI)
    before = json.loads(path.read_text())["private_key_id"]
    write_service_account(path, accounts, URI)
    assert json.loads(path.read_text())["private_key_id"] != before


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{}", b'{"client_email": "me@real.iam.gserviceaccount.com"}', b'{"a": 1}'],
)
def test_other_files_are_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "account.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="not replaced"):
        write_service_account(path, ServiceAccounts(), URI)
    assert path.read_bytes() == content


@pytest.mark.parametrize("path", ["/_emu/health", "/_emu/trees", "/_emu", "/%5Femu/health"])
async def test_the_control_api_cannot_be_reached_over_tls(store: TreeStore, path: str) -> None:
    app = App(state_of(store), control=False)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://www.googleapis.com"
    ) as client:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "plain HTTP" in answer.json()["error"]
        assert (await client.get("/drive/v3/files")).status_code == 403


async def test_a_service_account_can_be_created_at_run_time(store: TreeStore) -> None:
    state = state_of(store)
    async with caller(state) as client:
        made = await client.post("/_emu/service-accounts", json={"email": "a@b.example"})
        assert (made.status_code, made.json()["client_email"]) == (201, "a@b.example")
        assert made.json()["token_uri"] == "http://drive/token"
        refused = await client.post("/_emu/service-accounts", json={"email": "nobody"})
        assert refused.status_code == 400
        assert "email" in refused.json()["error"]


async def test_the_addresses_can_be_read(store: TreeStore) -> None:
    state = state_of(store)
    state.addresses["proxy"] = "http://127.0.0.1:1"
    async with caller(state) as client:
        told = (await client.get("/_emu/addresses")).json()
    assert told == {"proxy": "http://127.0.0.1:1"}

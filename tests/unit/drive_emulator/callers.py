"""Clients of an emulator whose state a test can reach, all of them inside this process."""

import httpx

from drive_emulator.app import App
from drive_emulator.auth.authenticator import KeyState
from drive_emulator.control.state import State
from drive_emulator.tree.store import TreeStore
from tests.unit.drive_emulator.conftest import KEY

TOKEN = "a-token"
ACCOUNT = "me@example.com"


def state_of(store: TreeStore) -> State:
    """One key, and one token of one account."""
    state = State(store, {KEY: KeyState.OK})
    state.tokens.add(TOKEN, ACCOUNT)
    return state


def caller(state: State, key: str = "", token: str = "") -> httpx.AsyncClient:
    """A client that shows what it has with every request."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(App(state)),
        base_url="http://drive",
        params={"key": key} if key else {},
        headers={"authorization": f"Bearer {token}"} if token else {},
    )

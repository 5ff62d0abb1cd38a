"""A store with one small tree, and clients that call the application directly."""

from collections.abc import AsyncIterator

import httpx
import pytest

from drive_emulator.app import App
from drive_emulator.auth.authenticator import KeyState
from drive_emulator.control.state import State
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import Tree

KEY = "some-key"
SMALL = (
    b'{"name": "small", "pictures": 30, "size": 5000, "depth": 1, "fan_out": 3,'
    b' "other_share": 0.1, "title": "Small pictures"}'
)


@pytest.fixture(scope="session")
def store() -> TreeStore:
    """The built-in trees and `small`: 4 folders, 30 pictures of 5,000 bytes, 3 documents."""
    store = TreeStore(seed=1)
    store.add(parse_tree(SMALL))
    return store


@pytest.fixture(scope="session")
def small(store: TreeStore) -> Tree:
    tree = store.tree("small")
    assert tree is not None
    return tree


@pytest.fixture
async def drive(store: TreeStore) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends the key with every request."""
    transport = httpx.ASGITransport(App(State(store, {KEY: KeyState.OK})))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://drive", params={"key": KEY}
    ) as client:
        yield client


@pytest.fixture
async def stranger(store: TreeStore) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(App(State(store, {KEY: KeyState.OK})))
    async with httpx.AsyncClient(transport=transport, base_url="http://drive") as client:
        yield client

"""Clients of an emulator in this process, and how tests read its responses."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from drive_emulator.app import App
from drive_emulator.auth.authenticator import KeyState
from drive_emulator.control.state import State
from drive_emulator.faults.rule import Rule, parse_rule
from drive_emulator.quota.settings import changed
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.conftest import KEY


def reason(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, reason and location of an error."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    first = error["errors"][0]
    assert first["message"] == error["message"]
    return answer.status_code, first["reason"], first.get("location", "")


TOKEN = "a-token"
ACCOUNT = "me@example.com"


def state_of(store: TreeStore) -> State:
    """A state with one key, and one token of one account."""
    state = State(store, {KEY: KeyState.OK})
    state.tokens.add(TOKEN, ACCOUNT)
    return state


def caller(state: State, key: str = "", token: str = "") -> httpx.AsyncClient:
    """A client that sends the key and the token with every request."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(App(state)),
        base_url="http://drive",
        params={"key": key} if key else {},
        headers={"authorization": f"Bearer {token}"} if token else {},
    )


class InProcessEmulator:
    """An emulator without a socket: the tree `small`, and a client with a key."""

    def __init__(self, store: TreeStore, small: Tree) -> None:
        self.state: State = state_of(store)
        self.store = store
        self.small = small
        self.client = caller(self.state, KEY)

    @property
    def folder(self) -> str:
        """A folder of 7 or 8 pictures."""
        return File(self.small, 1).id

    def picture(self, number: int = 0) -> File:
        return File(self.small, self.small.layout.folders + number)

    def fault(self, do: str, match: Mapping[str, Any] | None = None, **effect: Any) -> Rule:
        """Add a rule."""
        rule = {"effect": {"do": do, **effect}, "match": dict(match or {})}
        return self.state.faults.add(parse_rule(msgspec.json.encode(rule)))

    def quota(self, profile: str = "none", **settings: Any) -> None:
        """Set the quota."""
        wanted = {"profile": profile, **settings}
        self.state.quota.change(changed(self.state.quota.settings, wanted))

    async def media(self, number: int = 0, **headers: str) -> httpx.Response:
        url = f"/drive/v3/files/{self.picture(number).id}"
        return await self.client.get(url, params={"alt": "media"}, headers=headers)

    async def get(self, number: int = 0, fields: str = "id") -> httpx.Response:
        url = f"/drive/v3/files/{self.picture(number).id}"
        return await self.client.get(url, params={"fields": fields})

    async def listed(self, q: str = "", **params: str) -> httpx.Response:
        fields = "nextPageToken,incompleteSearch,files(id,name,size)"
        asked = {"q": q or f"'{self.folder}' in parents", "fields": fields, **params}
        return await self.client.get("/drive/v3/files", params=asked)

    async def ids(self, q: str = "", size: int = 3, most: int = 20) -> list[list[str]]:
        """The ids of every page of a listing; at most so many pages."""
        pages, token = [], ""
        for _ in range(most):
            more = {"pageToken": token} if token else {}
            page = (await self.listed(q, pageSize=str(size), **more)).json()
            pages.append([file["id"] for file in page["files"]])
            token = page.get("nextPageToken", "")
            if not token:
                break
        return pages

    async def all_ids(self, q: str = "", size: int = 3) -> list[str]:
        """The ids of all pages, in order."""
        return [file_id for page in await self.ids(q, size) for file_id in page]

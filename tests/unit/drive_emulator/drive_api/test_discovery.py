"""The discovery document: Google's own, with the emulator's addresses."""

import importlib.util

import httpx
import pytest

from drive_emulator.drive_api import discovery
from tests.unit.drive_emulator.clients import reason


@pytest.mark.parametrize(
    "path", ["/discovery/v1/apis/drive/v3/rest", "/$discovery/rest?version=v3"]
)
async def test_the_document_has_the_emulators_addresses(
    stranger: httpx.AsyncClient, path: str
) -> None:
    told = (await stranger.get(path, headers={"host": "www.emu.test:8443"})).json()
    assert (told["name"], told["version"]) == ("drive", "v3")
    assert told["rootUrl"] == "http://www.emu.test:8443/"
    assert told["baseUrl"] == "http://www.emu.test:8443/drive/v3/"
    assert "export" in told["resources"]["files"]["methods"]


async def test_other_versions_are_not_found(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/$discovery/rest", params={"version": "v2"})
    assert reason(answer)[:2] == (404, "notFound")


async def test_without_googles_client_there_is_no_document(
    stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    discovery.installed.cache_clear()
    answer = await stranger.get("/$discovery/rest")
    discovery.installed.cache_clear()
    assert reason(answer)[:2] == (404, "notFound")
    assert "google-api-python-client" in answer.text

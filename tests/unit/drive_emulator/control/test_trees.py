"""The control API: trees and counters."""

import json

import httpx
import pytest

from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree


async def test_it_is_healthy_without_a_key(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/_emu/health")).json() == {"status": "ok"}


async def test_trees_are_listed_with_their_links(
    stranger: httpx.AsyncClient, store: TreeStore
) -> None:
    trees = (await stranger.get("/_emu/trees")).json()["trees"]
    assert [tree["name"] for tree in trees][:3] == ["sample", "hostile", "small"]
    root = File(store.trees[0], 0).id
    assert trees[0]["folderUrl"] == f"https://drive.google.com/drive/folders/{root}"
    assert trees[0]["pictures"] == 2_400
    assert (trees[2]["pictures"], trees[2]["folders"], trees[2]["bytes"]) == (30, 4, 150_000)


async def test_a_tree_can_be_added_and_listed(drive: httpx.AsyncClient) -> None:
    spec = {"name": "planted", "pictures": 7, "size": 4_096, "title": "A title"}
    made = await drive.post("/_emu/trees", json=spec, params={"render": "true"})
    assert made.status_code == 201
    assert made.json()["bytes"] == 7 * 4_096
    q = f"'{made.json()['folderId']}' in parents"
    listed = await drive.get("/drive/v3/files", params={"q": q, "fields": "files(size)"})
    assert listed.json()["files"] == [{"size": "4096"}] * 7
    root = await drive.get(f"/drive/v3/files/{made.json()['folderId']}")
    assert root.json()["name"] == "A title"
    again = await drive.post("/_emu/trees", json=spec)
    assert again.json()["folderId"] == made.json()["folderId"]


async def test_an_invalid_tree_is_refused_with_a_sentence(
    stranger: httpx.AsyncClient,
) -> None:
    answer = await stranger.post("/_emu/trees", content=b"{")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("invalid tree: ")


@pytest.mark.parametrize("path", ["trees", "mutate", "faults", "quota", "keys"])
async def test_endlessly_nested_json_is_refused_with_a_sentence(
    stranger: httpx.AsyncClient, path: str
) -> None:
    answer = await stranger.post(f"/_emu/{path}", content=b'{"x": ' * 50_000)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_an_unshared_tree_is_not_found(drive: httpx.AsyncClient) -> None:
    spec = {"name": "hidden", "pictures": 3, "shared": False}
    folder = (await drive.post("/_emu/trees", json=spec)).json()["folderId"]
    assert (await drive.get(f"/drive/v3/files/{folder}")).status_code == 404
    assert (await drive.get("/_emu/trees/hidden/files")).text == ""


async def test_expected_files_are_sent_line_by_line(
    drive: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    answer = await drive.get("/_emu/trees/small/files")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == 33
    assert sum(line["mimeType"].startswith("image/") for line in lines) == 30
    last = lines[-1]
    assert last["path"] == f"Folder 0003/{last['name']}"
    fields = "id,name,mimeType,size,md5Checksum"
    facts = (await drive.get(f"/drive/v3/files/{last['id']}", params={"fields": fields})).json()
    assert facts == {**{name: last[name] for name in facts}, "size": str(last["size"])}


async def test_files_that_cannot_be_imported_are_not_expected(store: TreeStore) -> None:
    hostile = store.trees[1]
    names = [file.entry.name for file in store.downloads(hostile)]
    assert {"empty.jpg", "..", "under a slash.jpg"} <= set(names)
    assert names.count("twin.jpg") == 2
    assert {"secret.jpg", "thrown away.jpg", "with its folder.jpg", "a document"}.isdisjoint(names)
    assert sum(file.entry.mime_type.startswith("image/") for file in store.downloads(hostile)) == (
        hostile.layout.pictures
    )


async def test_requests_are_counted(
    drive: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    picture = File(small, small.layout.folders + 1)
    await drive.get("/drive/v3/files", params={"fields": "kind"})
    await drive.get(f"/drive/v3/files/{picture.id}")
    await drive.get(f"/drive/v3/files/{picture.id}", params={"alt": "media"})
    await drive.get("/drive/v3/files/nobody")
    counts = (await drive.get("/_emu/requests")).json()
    assert counts == {"list": 1, "get": 2, "media": 1, "refused": 1, "bytes": 5_000}


async def test_other_addresses_are_not_found(stranger: httpx.AsyncClient) -> None:
    for path in ("/_emu/", "/_emu/trees/nobody/files", "/_emu/requests/x"):
        assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post("/_emu/health")).status_code == 404

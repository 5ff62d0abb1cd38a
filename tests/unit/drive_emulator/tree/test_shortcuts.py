"""Shortcuts to files, folders, nothing, private files, ancestors and other trees."""

import httpx
import pytest

from drive_emulator.tree.entry import FOLDER, SHORTCUT
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY
from tests.unit.drive_emulator.explicit_trees import facts, item, listed, plant


@pytest.fixture
def store() -> TreeStore:
    return TreeStore(seed=1)


@pytest.fixture
def tree(store: TreeStore) -> Tree:
    elsewhere = next(iter(store.downloads(store.trees[0]))).id
    link = {"kind": "shortcut"}
    return plant(
        store,
        {"path": ["A", "a.jpg"], "ref": "a", "resourceKey": "0-key"},
        {"path": ["A"], "kind": "folder", "ref": "folder"},
        {"path": "secret.jpg", "shared": False, "ref": "secret"},
        {"path": "by ref", "ref": "by ref", "target": "a", **link},
        {"path": "by path", "ref": "by path", "target": ["A"], **link},
        {"path": ["A", "up"], "ref": "up", "target": [], **link},
        {"path": "by id", "ref": "by id", "target": elsewhere, **link},
        {"path": "dangling", "ref": "dangling", "target": None, **link},
        {"path": "hidden", "ref": "hidden", "target": "secret", **link},
        {"path": "stale", "ref": "stale", "target": "a", "targetMimeType": "image/x-old", **link},
    )


def test_shortcut_details_describe_the_target_as_it_was(store: TreeStore, tree: Tree) -> None:
    refs = tree.refs
    shown = {ref: facts(item(store, tree, ref)) for ref in refs}
    assert "shortcutDetails" not in shown.pop("a")
    details = {ref: each.get("shortcutDetails", {}) for ref, each in shown.items()}
    assert details["by ref"] == {
        "targetId": refs["a"],
        "targetMimeType": "image/jpeg",
        "targetResourceKey": "0-key",
    }
    assert details["by path"] == {"targetId": refs["folder"], "targetMimeType": FOLDER}
    assert details["up"] == {"targetId": File(tree, 0).id, "targetMimeType": FOLDER}
    assert details["stale"]["targetMimeType"] == "image/x-old"
    assert details["hidden"]["targetId"] == refs["secret"]
    assert store.find(details["dangling"]["targetId"]) is None
    elsewhere = store.find(details["by id"]["targetId"])
    assert elsewhere is not None
    assert elsewhere.tree is store.trees[0]
    assert details["by id"]["targetMimeType"] == elsewhere.entry.mime_type


def test_a_query_finds_the_shortcuts_to_an_item(store: TreeStore, tree: Tree) -> None:
    root = File(tree, 0).id
    to_a = f"shortcutDetails.targetId = '{tree.refs['a']}'"
    found = listed(store, root, q=to_a)
    assert {each["name"] for each in found} == {"by ref", "stale"}
    others = listed(store, root, q=f"'{root}' in parents and not {to_a}")
    assert {"by path", "dangling"} < {each["name"] for each in others}
    assert {"by ref", "stale"}.isdisjoint(each["name"] for each in others)


async def test_a_shortcut_has_no_bytes_and_grants_no_access(store: TreeStore, tree: Tree) -> None:
    async with caller(state_of(store), key=KEY) as drive:
        address = f"/drive/v3/files/{tree.refs['by ref']}"
        one = await drive.get(address, params={"fields": "mimeType,size"})
        assert one.json() == {"mimeType": SHORTCUT}
        media = await drive.get(address, params={"alt": "media"})
        assert reason(media) == (403, "fileNotDownloadable", "alt")
        for ref, status in (("secret", 404), ("a", 404), ("folder", 200)):
            answer: httpx.Response = await drive.get(f"/drive/v3/files/{tree.refs[ref]}")
            assert answer.status_code == status


def test_the_hostile_tree_has_shortcuts_of_every_kind(store: TreeStore) -> None:
    tree = store.trees[1]
    found = {}
    for ordinal in range(tree.count):
        file = File(tree, ordinal)
        if file.entry.extras.target is not None:
            found[file.entry.name] = store.find(file.entry.extras.target.id)
    assert found["to nothing.jpg"] is None
    targets = {name: target for name, target in found.items() if target is not None}
    assert len(targets) == len(found) - 1
    assert targets["to a secret.jpg"].entry.shared is False
    assert targets["to what is thrown away.jpg"].entry.trashed is True
    assert targets["to the folder above"].ordinal == 0
    assert targets["to its own folder"].entry.name == "Shortcuts"
    assert targets["to another shortcut.jpg"].entry.mime_type == SHORTCUT
    assert targets["to another tree"].tree is store.trees[0]
    assert not targets["to another tree"].entry.mime_type.startswith("image/")

"""Mutations: what is shown afterwards, and that listings in progress continue."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from drive_emulator.drive_api.listing import Listing, read_list_request
from drive_emulator.drive_api.media import file_parts
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.mutations import BadMutation, parse_mutation
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import caller, state_of
from tests.unit.drive_emulator.conftest import KEY
from tests.unit.drive_emulator.explicit_trees import CALLER, facts, listed, names, plant

SMALL = '{"name": "small", "pictures": 30, "size": 5000, "depth": 1, "fan_out": 3}'


@pytest.fixture
def store() -> TreeStore:
    return TreeStore(seed=1, now=lambda: 1_800_000_000.0)


@pytest.fixture
def tree(store: TreeStore) -> Tree:
    """A generated tree: the root and 3 folders, with 7 or 8 pictures in each."""
    return store.add(parse_tree(SMALL))


def change(store: TreeStore, do: str, **more: Any) -> File:
    return store.mutate(parse_mutation(json.dumps({"do": do, **more})))


def at(store: TreeStore, tree: Tree, folder: int, place: int = 0) -> str:
    """The id of a file by its position in a folder of the layout."""
    return File(tree, tree.layout.files_in(folder)[place]).id


def content(file: File) -> bytes:
    assert file.entry.blob is not None
    return b"".join(file_parts(file, file.entry.blob))


def test_replaced_bytes_change_every_field_that_depends_on_them(
    store: TreeStore, tree: Tree
) -> None:
    file_id = at(store, tree, 1)
    before = store.find(file_id)
    assert before is not None
    old, old_bytes = facts(before), content(before)
    after = change(store, "replace", id=file_id)
    new = facts(after)
    assert hashlib.md5(content(after)).hexdigest() == new["md5Checksum"] != old["md5Checksum"]
    assert len(content(after)) == len(old_bytes) == 5_000
    assert new["headRevisionId"] != old["headRevisionId"]
    assert int(new["version"]) == int(old["version"]) + 1
    assert new["modifiedTime"] == "2027-01-15T08:00:00.000Z" > old["modifiedTime"]
    assert (new["id"], new["name"], new["parents"]) == (old["id"], old["name"], old["parents"])
    again = facts(change(store, "replace", id=file_id))
    assert again["md5Checksum"] not in (old["md5Checksum"], new["md5Checksum"])
    assert again["modifiedTime"] > new["modifiedTime"]


def test_bytes_are_replaced_by_another_size_or_a_text(store: TreeStore, tree: Tree) -> None:
    file_id = at(store, tree, 1)
    larger = change(store, "replace", id=file_id, size=9_000)
    assert (len(content(larger)), facts(larger)["size"]) == (9_000, "9000")
    page = change(store, "replace", id=file_id, text="<html>")
    assert (content(page), page.entry.mime_type) == (b"<html>", "image/jpeg")
    with pytest.raises(BadMutation, match="replaced by a size or a text"):
        change(store, "replace", id=file_id)


def test_added_items_are_listed_first(store: TreeStore, tree: Tree) -> None:
    folder = File(tree, 1).id
    before = names(store, folder)
    for name in ("one.jpg", "two.jpg"):
        change(store, "add", to=folder, item={"path": name, "size": 5_000})
    assert names(store, folder) == ["two.jpg", "one.jpg", *before]
    times = [each["modifiedTime"] for each in listed(store, folder)]
    assert times == sorted(times, reverse=True)
    below = change(store, "add", to=folder, item={"path": "New", "kind": "folder"})
    inside = change(store, "add", to=below.id, item={"path": "in.jpg", "size": 5_000})
    assert names(store, below.id) == ["in.jpg"]
    assert store.path(inside) == "Folder 0001/New/in.jpg"
    assert inside.id in {file.id for file in store.downloads(tree)}
    link = change(
        store, "add", to=folder, item={"path": "l", "kind": "shortcut", "target": inside.id}
    )
    assert facts(link)["shortcutDetails"]["targetId"] == inside.id
    assert len(content(inside)) == 5_000


def test_a_moved_item_is_only_in_its_new_folder(store: TreeStore, tree: Tree) -> None:
    one, two, root = (File(tree, ordinal).id for ordinal in (1, 2, 0))
    file_id = at(store, tree, 1, 3)
    [name] = [each["name"] for each in listed(store, one) if each["id"] == file_id]
    change(store, "move", id=file_id, to=two)
    assert name not in names(store, one)
    assert name in names(store, two)
    both = {"q": f"'{one}' in parents or '{two}' in parents"}
    assert names(store, one, **both).count(name) == 1
    assert facts(change(store, "move", id=file_id, to=[one, two]))["parents"] == [one, two]
    assert names(store, one, **both).count(name) == 1
    assert name in names(store, one)
    change(store, "move", id=one, to=two)
    assert "Folder 0001" in names(store, two)
    assert "Folder 0001" not in names(store, root)
    moved = store.find(file_id)
    assert moved is not None
    assert store.path(moved) == f"Folder 0002/Folder 0001/{name}"
    assert file_id in {file.id for file in store.downloads(tree)}
    change(store, "move", id=file_id, to=[])
    assert file_id not in {file.id for file in store.downloads(tree)}


def test_items_inherit_trash_and_access_from_changed_folders(store: TreeStore, tree: Tree) -> None:
    folder, file_id = File(tree, 1).id, at(store, tree, 1)
    other = at(store, tree, 1, 1)

    def state() -> tuple[bool, bool]:
        file = store.find(file_id)
        assert file is not None
        return file.entry.shared, file.entry.trashed

    change(store, "trash", id=folder)
    assert state() == (True, True)
    assert facts(File(tree, 1))["explicitlyTrashed"] is True
    change(store, "untrash", id=folder)
    change(store, "unshare", id=folder)
    assert state() == (False, False)
    change(store, "share", id=file_id)
    assert state() == (True, False)
    hidden = store.find(other)
    assert hidden is not None
    assert hidden.entry.shared is False
    assert file_id not in {file.id for file in store.downloads(tree)}
    change(store, "share", id=folder)
    assert {file_id, other} <= {file.id for file in store.downloads(tree)}


def test_a_deleted_folder_is_gone_with_everything_in_it(store: TreeStore, tree: Tree) -> None:
    folder, file_id = File(tree, 1).id, at(store, tree, 1)
    change(store, "delete", id=folder)
    assert store.find(folder) is None
    assert store.find(file_id) is None
    assert "Folder 0001" not in names(store, File(tree, 0).id)
    everything = {"q": "name contains 'picture'", "pageSize": "1000"}
    assert file_id not in {each["id"] for each in listed(store, "", **everything)}
    assert len(list(store.downloads(tree))) == 30 - len(tree.layout.files_in(1))
    with pytest.raises(BadMutation, match="there is no item"):
        change(store, "rename", id=file_id, name="x")


def test_a_new_name_and_any_attribute(store: TreeStore, tree: Tree) -> None:
    file_id = at(store, tree, 1)
    assert change(store, "rename", id=file_id, name="a/../b\n.jpg").entry.name == "a/../b\n.jpg"
    shown = facts(
        change(
            store,
            "set",
            id=file_id,
            resourceKey="0-k",
            canDownload=False,
            omit=["sha256Checksum"],
            driveSize="x",
            mimeType="image/heic",
        )
    )
    assert (shown["resourceKey"], shown["size"], shown["mimeType"]) == ("0-k", "x", "image/heic")
    assert shown["name"] == "a/../b\n.jpg"
    assert "sha256Checksum" not in shown
    assert "resourceKey" not in facts(change(store, "set", id=file_id, resourceKey=None))


def test_a_listing_in_progress_continues_after_changes(store: TreeStore, tree: Tree) -> None:
    folder = File(tree, 1).id
    listing, asked = Listing(store), {"q": f"'{folder}' in parents", "pageSize": "3"}
    before = [each["id"] for each in listed(store, folder)]
    first = listing.page(read_list_request(asked, CALLER))
    seen = [file.id for file in first.files]
    change(store, "add", to=folder, item={"path": "late.jpg", "size": 5_000})
    change(store, "delete", id=seen[-1])  # the place that the token remembers
    change(store, "replace", id=before[4])
    change(store, "move", id=before[5], to=File(tree, 2).id)
    token = first.next_token
    while token is not None:
        page = listing.page(read_list_request({**asked, "pageToken": token}, CALLER))
        seen += [file.id for file in page.files]
        token = page.next_token
    assert seen == [each for each in before if each != before[5]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "invalid mutation"),
        ("[]", "invalid mutation"),
        ('{"id": "x"}', "missing required field `do`"),
        ('{"do": "explode", "id": "x"}', "do is one of add, move, rename, trash"),
        ('{"do": "rename", "id": "x"}', "missing required field `name`"),
        ('{"do": "trash", "id": "x", "name": "y"}', "unknown field `name`"),
        ('{"do": "replace", "id": "x", "size": 5}', "4,096 to"),
        ('{"do": "replace", "id": "x", "size": 5000, "text": ""}', "not both"),
        ('{"do": "set", "id": "x", "omit": ["md5"]}', "no field 'md5'"),
        ('{"do": "add", "to": "x", "item": {"path": ["a", "b"]}}', "a path of one name"),
        ('{"do": "add", "to": "x", "item": {"path": "a", "kind": "sock"}}', "a kind is one of"),
        (
            '{"do": "add", "to": "x", "item": {"path": "a", "kind": "shortcut", "target": []}}',
            "an id, or null",
        ),
    ],
)
def test_an_invalid_mutation_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(BadMutation, match=says):
        parse_mutation(text)


def test_an_impossible_mutation_changes_nothing(store: TreeStore, tree: Tree) -> None:
    root, folder, file_id = File(tree, 0).id, File(tree, 1).id, at(store, tree, 1)
    other = plant(store, {"path": "a", "kind": "folder", "ref": "a"}, {"path": "d", "ref": "d"})
    for do, more, says in (
        ("move", {"id": file_id, "to": file_id}, "is not a folder"),
        ("move", {"id": folder, "to": folder}, "cannot be inside itself"),
        ("move", {"id": root, "to": folder}, "root of a tree cannot be moved"),
        ("move", {"id": file_id, "to": other.refs["a"]}, "within its own tree"),
        ("replace", {"id": folder}, "without bytes"),
        ("set", {"id": folder, "mimeType": "image/png"}, "cannot become one without"),
        ("set", {"id": file_id, "mimeType": "application/vnd.google-apps.form"}, "cannot become"),
        ("add", {"to": file_id, "item": {"path": "a.jpg"}}, "is not a folder"),
    ):
        with pytest.raises(BadMutation, match=says):
            change(store, do, **more)
    assert all(int(facts(File(tree, each))["version"]) < 11 for each in range(tree.count))
    assert len(list(store.downloads(tree))) == 30
    assert len(names(store, root)) == 3 + len(tree.layout.files_in(0))


@pytest.fixture
async def client(store: TreeStore) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state_of(store), key=KEY) as drive:
        yield drive


async def test_the_control_api_returns_the_changed_item(
    store: TreeStore, tree: Tree, client: httpx.AsyncClient
) -> None:
    file_id = at(store, tree, 1)
    answer = await client.post("/_emu/mutate", json={"do": "rename", "id": file_id, "name": "x"})
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["name"]) == (file_id, "x")
    missing = await client.post("/_emu/mutate", json={"do": "trash", "id": "nobody"})
    assert (missing.status_code, missing.json()) == (404, {"error": "there is no item 'nobody'"})
    bad = await client.post("/_emu/mutate", json={"do": "dance", "id": file_id})
    assert bad.status_code == 400
    assert "dance" in bad.json()["error"]

"""Explicit trees: items are where and what their specification says."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.drive_api.file_resource import file_json
from drive_emulator.drive_api.media import file_parts
from drive_emulator.fields.mask import parse_mask
from drive_emulator.tree.entry import FOLDER
from drive_emulator.tree.explicit_spec import BadTree
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File
from tests.unit.drive_emulator.explicit_trees import facts, item, listed, names, plant


@pytest.fixture
def store() -> TreeStore:
    return TreeStore(seed=1)


def content(store: TreeStore, file_id: str) -> bytes:
    file = store.find(file_id)
    assert file is not None
    assert file.entry.blob is not None
    return b"".join(file_parts(file, file.entry.blob))


def test_paths_create_folders(store: TreeStore) -> None:
    tree = plant(
        store,
        {"path": ["A", "one.jpg"], "size": 5_000},
        {"path": ["A", "B", "two.png"], "size": 6_000},
        {"path": "root.txt", "kind": "text"},
        title="Mine",
    )
    root = File(tree, 0)
    assert root.entry.name == "Mine"
    assert names(store, root.id) == ["A", "root.txt"]
    [a, _] = listed(store, root.id)
    assert [(each["name"], each["mimeType"]) for each in listed(store, a["id"])] == [
        ("B", FOLDER),
        ("one.jpg", "image/jpeg"),
    ]
    assert [store.path(file) for file in store.downloads(tree)] == [
        "root.txt",
        "A/one.jpg",
        "A/B/two.png",
    ]


def test_a_picture_has_the_given_size_and_the_format_of_its_name(store: TreeStore) -> None:
    tree = plant(store, *({"path": f"a.{end}", "size": 6_000} for end in ("jpg", "png", "gif")))
    files = list(store.downloads(tree))
    assert [file.entry.mime_type for file in files] == ["image/jpeg", "image/png", "image/gif"]
    for file in files:
        bytes_ = content(store, file.id)
        assert len(bytes_) == 6_000
        assert hashlib.md5(bytes_).hexdigest() == facts(file)["md5Checksum"]


def test_a_text_is_served_unchanged_with_any_type(store: TreeStore) -> None:
    page = "<html>Sorry</html>"
    tree = plant(
        store,
        {"path": "a.jpg", "kind": "html", "text": page, "mimeType": "image/jpeg", "ref": "a"},
        {"path": "same.txt", "kind": "text", "text": page, "ref": "b"},
        {"path": "other.jpg", "kind": "html", "mimeType": "image/jpeg", "ref": "c"},
    )
    one, same, other = (facts(item(store, tree, ref)) for ref in "abc")
    assert content(store, one["id"]) == page.encode()
    assert (one["mimeType"], one["size"]) == ("image/jpeg", str(len(page)))
    assert one["md5Checksum"] == same["md5Checksum"] != other["md5Checksum"]
    assert content(store, other["id"]).startswith(b"<!DOCTYPE html>")
    assert "imageMediaMetadata" not in one


def test_attributes_show_in_the_json(store: TreeStore) -> None:
    tree = plant(
        store,
        {"path": "few.jpg", "size": 5_000, "omit": ["sha1Checksum", "size"], "ref": "few"},
        {"path": "liar.jpg", "size": 5_000, "driveSize": "many", "ref": "liar"},
        {"path": "says.jpg", "says": {"imageMediaMetadata": {"width": -1}}, "ref": "says"},
        {"path": "old.jpg", "modifiedTime": "2011-02-03T04:05:06Z", "ref": "old"},
        {"path": "raw.heic", "mimeType": "application/octet-stream", "size": 5_000, "ref": "raw"},
        {"path": "locked.jpg", "canDownload": False, "ref": "locked"},
        {"path": "keyed", "kind": "folder", "resourceKey": "0-abc", "ref": "keyed"},
        {"path": "doc", "kind": "native", "ref": "doc"},
    )
    shown = {ref: facts(item(store, tree, ref)) for ref in tree.refs}
    assert {"sha1Checksum", "size"}.isdisjoint(shown["few"])
    assert {"md5Checksum", "sha256Checksum"} < shown["few"].keys()
    assert shown["liar"]["size"] == "many"
    assert shown["says"]["imageMediaMetadata"] == {"width": -1}
    assert shown["old"]["modifiedTime"] == "2011-02-03T04:05:06.000Z"
    assert shown["raw"]["mimeType"] == "application/octet-stream"
    assert shown["locked"]["capabilities"]["canDownload"] is False
    assert shown["keyed"]["resourceKey"] == "0-abc"
    assert shown["doc"]["mimeType"] == "application/vnd.google-apps.document"
    assert {"size", "md5Checksum"}.isdisjoint(shown["doc"])


def test_overridden_fields_are_masked_too(store: TreeStore) -> None:
    says = {"imageMediaMetadata": {"width": -1, "height": 5}, "size": "x"}
    tree = plant(store, {"path": "a.jpg", "says": says, "ref": "a"})
    shown = file_json(parse_mask("name,imageMediaMetadata/width"))(item(store, tree, "a"))
    assert shown == {"name": "a.jpg", "imageMediaMetadata": {"width": -1}}


def test_a_folder_of_no_path_describes_the_root(store: TreeStore) -> None:
    tree = plant(
        store,
        {"path": "a.jpg"},
        {"path": [], "kind": "folder", "resourceKey": "0-root", "ref": "root"},
        title="Mine",
    )
    root = facts(File(tree, 0))
    assert (root["id"], root["name"], root["resourceKey"]) == (tree.refs["root"], "Mine", "0-root")


def test_twin_folders_can_be_distinguished_by_ref(store: TreeStore) -> None:
    tree = plant(
        store,
        {"path": ["twin", "first.jpg"]},
        {"path": ["twin"], "kind": "folder", "ref": "first"},
        {"path": ["twin"], "kind": "folder", "ref": "second"},
        {"in": "second", "path": ["deeper", "second.jpg"]},
    )
    assert names(store, tree.refs["first"]) == ["first.jpg"]
    assert names(store, tree.refs["second"]) == ["deeper"]
    assert names(store, File(tree, 0).id) == ["twin", "twin"]


def test_an_item_may_have_two_parents_or_none(store: TreeStore) -> None:
    tree = plant(
        store,
        {"path": ["A"], "kind": "folder", "ref": "a"},
        {"path": ["B"], "kind": "folder", "ref": "b"},
        {"path": ["A", "both.jpg"], "parents": ["a", ["B"]], "ref": "both"},
        {"path": "elsewhere.jpg", "parents": ["b"]},
        {"path": "lost.jpg", "parents": [], "ref": "lost"},
        {"path": "root too.jpg", "parents": [[], "b"]},
    )
    root = File(tree, 0).id
    assert names(store, root) == ["A", "B", "root too.jpg"]
    assert names(store, tree.refs["a"]) == ["both.jpg"]
    in_b = ["elsewhere.jpg", "root too.jpg", "both.jpg"]
    assert names(store, tree.refs["b"]) == in_b
    assert facts(item(store, tree, "both"))["parents"] == [tree.refs["a"], tree.refs["b"]]
    assert "parents" not in facts(item(store, tree, "lost"))
    both = f"'{tree.refs['a']}' in parents"
    in_either = f"{both} or '{tree.refs['b']}' in parents"
    assert names(store, tree.refs["b"], q=in_either, pageSize="1") == in_b
    in_each = f"{both} and '{tree.refs['b']}' in parents"
    assert names(store, tree.refs["b"], q=in_each) == ["both.jpg"]
    expected = {file.entry.name for file in store.downloads(tree)}
    assert expected == {"both.jpg", "elsewhere.jpg", "root too.jpg"}


def test_a_private_folder_hides_what_is_in_it_unless_that_is_shared_itself(
    store: TreeStore,
) -> None:
    tree = plant(
        store,
        {"path": ["Private"], "kind": "folder", "shared": False, "ref": "folder"},
        {"path": ["Private", "hidden.jpg"], "ref": "hidden"},
        {"path": ["Private", "Below", "shown.jpg"], "shared": True, "ref": "shown"},
    )
    root = File(tree, 0).id
    assert names(store, root) == []
    assert item(store, tree, "hidden").entry.shared is False
    assert item(store, tree, "shown").entry.shared is True
    assert list(store.downloads(tree)) == []


def test_only_files_that_a_correct_importer_imports_are_expected(store: TreeStore) -> None:
    tree = plant(
        store,
        {"path": "good.jpg"},
        {"path": "keyed.jpg", "resourceKey": "0-k"},
        {"path": ["Keyed", "inside.jpg"]},
        {"path": ["Keyed"], "kind": "folder", "resourceKey": "0-f"},
        {"path": "trashed.jpg", "trashed": True},
        {"path": "private.jpg", "shared": False},
        {"path": "locked.jpg", "canDownload": False},
        {"path": "abusive.jpg", "abusive": True},
        {"path": "link.jpg", "kind": "shortcut", "target": ["good.jpg"]},
        {"path": "doc", "kind": "native"},
    )
    files = {file.entry.name for file in store.downloads(tree)}
    assert files == {"good.jpg", "keyed.jpg", "inside.jpg"}
    assert tree.layout.pictures == 3


def test_the_same_specification_is_the_same_tree_with_the_same_ids(store: TreeStore) -> None:
    items = [{"path": "a.jpg", "ref": "a"}, {"path": "l", "kind": "shortcut", "target": "a"}]
    assert plant(store, *items) is plant(store, *items)
    assert plant(TreeStore(seed=1), *items).refs == store.trees[-1].refs
    with pytest.raises(BadTree, match="another tree is called"):
        plant(store, {"path": "b.jpg"})


NAMED = TreeStore(seed=1)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5), st.text(max_size=6_000))
def test_names_may_be_anything(folders: list[str], name: str) -> None:
    item = {"path": [*folders, name], "kind": "empty"}
    tree = plant(NAMED, item, name=f"tree-{len(NAMED.trees)}")
    [file] = NAMED.downloads(tree)
    assert NAMED.path(file) == "/".join([*folders, name])


A: dict[str, Any] = {"path": "a.jpg"}
LINK = {"path": "l", "kind": "shortcut"}


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ({}, "Expected `array`"),
        ([{}], "missing required field `path`"),
        ([A | {"colour": 1}], "unknown field `colour`"),
        ([A | {"kind": "sock"}], "a kind is one of picture, text, html"),
        ([{"path": []}], "a path needs a name"),
        ([{"path": [], "kind": "folder"}] * 2, "another item describes the root"),
        ([{"path": ["a"] * 300}], "200 names"),
        ([{"path": "x" * 100_001}], "100,000 characters"),
        ([A | {"size": 100}], "4,096 to 2,147,483,648 bytes"),
        ([A | {"kind": "text", "size": 5_000}], "only a picture has a size, and this is a text"),
        ([A | {"text": "x"}], "only kind text or html has a text"),
        ([A | {"ref": ""}], "a ref has 1 to 18 characters"),
        ([A | {"ref": "r"}, A | {"ref": "r"}], r"another item has the ref 'r' - at `\$.items\[1\]"),
        ([A | {"in": "r"}], "no folder before this one has the ref 'r'"),
        ([A | {"ref": "r"}, A | {"in": "r"}], "no folder before this one has the ref 'r'"),
        ([A | {"parents": ["r"]}], "the tree has no item 'r' - in `parents`"),
        ([A | {"ref": "r"}, {"path": "b", "parents": ["r"]}], "a parent must be a folder"),
        ([A | {"kind": "folder", "parents": []}], "only files can have parents"),
        ([LINK], "a shortcut needs a target"),
        ([LINK | {"target": "r"}], "the tree has no item 'r' - in `target`"),
        ([LINK | {"target": ["no", "such"]}], "the tree has no item"),
        ([A | {"target": None}], "only a shortcut has a target"),
        ([LINK | {"target": None, "mimeType": "a/b"}], "cannot be chosen"),
        ([A | {"mimeType": "line\nbreak/x"}], "printable ASCII"),
        ([A | {"mimeType": "application/vnd.google-apps.form"}], "kind native, and only that"),
        ([A | {"kind": "native", "mimeType": "image/png"}], "kind native, and only that"),
        ([A | {"omit": ["md5"]}], "no field 'md5'"),
        ([A | {"says": {"colour": 1}}], "no field 'colour'"),
        ([A | {"modifiedTime": "yesterday"}], "Invalid RFC3339"),
        ([A | {"modifiedTime": "0001-01-01T00:00:00Z"}], "in the years 1970 to 9000"),
        ([A | {"resourceKey": "a,b"}], "no comma"),
    ],
)
def test_an_invalid_tree_is_refused_with_the_position(items: object, says: str) -> None:
    store = TreeStore(seed=1)
    with pytest.raises(BadTree, match=says) as refused:
        store.add(parse_tree(json.dumps({"name": "bad", "items": items})))
    assert "at `$" in str(refused.value)
    assert store.tree("bad") is None


def test_a_tree_is_either_generated_or_explicit() -> None:
    with pytest.raises(BadTree, match="unknown field `pictures`"):
        parse_tree('{"name": "a", "items": [], "pictures": 3}')

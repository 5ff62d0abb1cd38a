"""After any mutations, every item is listed once, in its parents."""

import contextlib
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from drive_emulator.drive_api.listing import Listing, read_list_request
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.mutations import BadMutation, parse_mutation
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.explicit_trees import CALLER

STORE = TreeStore(seed=1)
NUMBERS = count()
DOINGS = ["add", "folder", "move", "trash", "untrash", "unshare", "share", "delete"]

doings = st.lists(
    st.tuples(st.sampled_from(DOINGS), st.integers(0, 20), st.integers(0, 20)), max_size=20
)


def listed(folder: str, size: int) -> Iterator[str]:
    """Ids, over all pages."""
    listing, token = Listing(STORE), ""
    for _ in range(1_000):
        params = {"q": f"'{folder}' in parents", "pageSize": str(size), "pageToken": token}
        page = listing.page(read_list_request(params, CALLER))
        yield from (file.id for file in page.files)
        if page.next_token is None:
            return
        token = page.next_token
    raise AssertionError("the listing does not end")


@given(doings, st.integers(1, 9))
@example([("move", 9, 1), ("unshare", 1, 0), ("share", 9, 0)], 1)  # in a hidden folder, and beside
def test_after_any_mutations_every_item_is_listed_in_its_parents(
    changes: list[tuple[str, int, int]], size: int
) -> None:
    spec = {"name": f"t{next(NUMBERS)}", "pictures": 9, "size": 5_000, "depth": 1, "fan_out": 3}
    tree = STORE.add(parse_tree(json.dumps(spec)))
    for do, one, other in changes:
        with contextlib.suppress(BadMutation):  # what makes no sense is left out
            _change(tree, do, one, other)
    items = [File(tree, ordinal) for ordinal in range(tree.count)]
    there = [each for each in items if tree.exists(each.ordinal) and each.entry.shared]
    for folder in there:
        if folder.is_folder:
            found = list(listed(folder.id, size))
            assert len(found) == len(set(found))
            assert set(found) == {each.id for each in there if folder.id in each.parent_ids}
    expected = {file.id for file in STORE.downloads(tree)}
    assert expected == set(_walked(File(tree, 0).id)) if there else not expected


def _walked(root: str) -> Iterator[str]:
    """What an importer finds from the root, without trashed items."""
    folders = [root]
    if not _may(root):
        return
    for folder in folders:  # grows while it is read
        for each in filter(_may, listed(folder, 1_000)):
            file = STORE.find(each)
            assert file is not None
            if file.is_folder:
                folders.append(each)
            else:
                yield each


def _may(file_id: str) -> bool:
    file = STORE.find(file_id)
    return file is not None and file.entry.shared and not file.entry.trashed


def _change(tree: Tree, do: str, one: int, other: int) -> None:
    item = File(tree, one % tree.count).id
    folder = File(tree, other % tree.count).id
    more: dict[str, Any] = {"do": do, "id": item}
    if do in ("add", "folder"):
        kind = "folder" if do == "folder" else "empty"
        more = {"do": "add", "to": folder, "item": {"path": f"new {one}", "kind": kind}}
    elif do == "move":
        more["to"] = folder if one % 3 else [folder, File(tree, 0).id]
    STORE.mutate(parse_mutation(json.dumps(more)))

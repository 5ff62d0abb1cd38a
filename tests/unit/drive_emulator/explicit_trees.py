"""How tests add an explicit tree and read it."""

import json
from typing import Any

from drive_emulator.auth.caller import Caller
from drive_emulator.drive_api.file_resource import file_json
from drive_emulator.drive_api.listing import Listing, read_list_request
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree

CALLER = Caller(key="k")


def plant(store: TreeStore, *items: dict[str, Any], name: str = "written", **more: Any) -> Tree:
    """Add the tree of these items."""
    return store.add(parse_tree(json.dumps({"name": name, "items": items, **more})))


def item(store: TreeStore, tree: Tree, ref: str) -> File:
    """The item of that ref."""
    file = store.find(tree.refs[ref])
    assert file is not None
    return file


def facts(file: File) -> dict[str, Any]:
    """Its whole JSON."""
    return file_json({})(file)


def listed(
    store: TreeStore, folder: str, caller: Caller = CALLER, /, **params: str
) -> list[dict[str, Any]]:
    """The children of a folder, over all pages."""
    listing, token, found = Listing(store), "", []
    for _ in range(1_000):
        asked = {"q": f"'{folder}' in parents", **params, "pageToken": token}
        page = listing.page(read_list_request(asked, caller))
        found += [facts(file) for file in page.files]
        if page.next_token is None:
            return found
        token = page.next_token
    raise AssertionError("the listing does not end")


def names(store: TreeStore, folder: str, caller: Caller = CALLER, /, **params: str) -> list[str]:
    """Their names, in the order of the listing."""
    return [each["name"] for each in listed(store, folder, caller, **params)]

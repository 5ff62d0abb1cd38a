"""Any JSON is a tree or a mutation that works, or is refused with one sentence."""

import contextlib
import json
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.tree.explicit_spec import BadTree
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.mutations import BadMutation, parse_mutation
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.explicit_trees import facts, listed

STORE = TreeStore(seed=1)
NUMBERS = count()
KINDS = ["text", "html", "empty", "folder", "shortcut", "native", "sock"]

words = st.sampled_from(["a", "b", "A", "B", "r"]) | st.text(max_size=5)
paths = words | st.lists(words, max_size=3)
odd = st.none() | st.booleans() | st.integers() | words | st.lists(words, max_size=2)
attributes: dict[str, st.SearchStrategy[Any]] = {
    "resourceKey": st.none() | words,
    "shared": st.booleans(),
    "sharedWith": st.lists(words, max_size=2),
    "trashed": st.booleans(),
    "omit": st.lists(st.sampled_from(["size", "id", "name", "colour"]), max_size=2),
    "says": st.dictionaries(st.sampled_from(["size", "parents", "colour"]), odd, max_size=2),
    "driveSize": odd,
    "mimeType": st.sampled_from(["image/jpeg", "x", "application/vnd.google-apps.form"]) | words,
    "modifiedTime": st.sampled_from(["2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "x"]),
}
items = st.fixed_dictionaries(
    {"path": paths, "kind": st.sampled_from(KINDS)},
    optional={
        **attributes,
        "ref": words,
        "in": words,
        "parents": st.lists(paths, max_size=2),
        "target": st.none() | paths,
        "targetMimeType": words,
        "text": words,
        "size": odd,
    },
)


def planted(spec: dict[str, Any]) -> Tree | None:
    """The tree; None if it was refused with a sentence."""
    try:
        return STORE.add(parse_tree(json.dumps(spec)))
    except BadTree as why:
        refusal = str(why)
    assert refusal.startswith(("invalid tree: ", "another tree "))
    return None


@given(st.lists(items, max_size=6))
def test_any_items_are_a_tree_or_refused_with_a_sentence(written: list[dict[str, Any]]) -> None:
    name = f"any{next(NUMBERS)}"
    tree = planted({"name": name, "items": written})
    if tree is None:
        assert STORE.tree(name) is None
        return
    for ordinal in range(tree.count):
        file = File(tree, ordinal)
        assert facts(file)
        assert STORE.find(file.id) is not None
        if file.is_folder and file.entry.shared and file.entry.extras.resource_key is None:
            listed(STORE, file.id)
    assert all(file.entry.blob for file in STORE.downloads(tree))


changes = st.fixed_dictionaries(
    {"do": st.sampled_from(["add", "move", "rename", "replace", "set", "delete", "fly"])},
    optional={
        **attributes,
        "id": odd,
        "to": odd,
        "item": items,
        "name": odd,
        "size": odd,
        "text": odd,
    },
)


@given(st.lists(changes, max_size=5))
def test_any_mutation_is_made_or_refused_with_a_sentence(wanted: list[dict[str, Any]]) -> None:
    name = f"changed{next(NUMBERS)}"
    items = [{"path": "a", "kind": "folder", "ref": "a"}, {"path": ["a", "b"], "ref": "b"}]
    tree = planted({"name": name, "items": items})
    assert tree is not None
    ids = {"a": tree.refs["a"], "b": tree.refs["b"], "r": File(tree, 0).id}
    for change in wanted:
        aimed = {
            key: ids.get(value, value) if key in ("id", "to") and isinstance(value, str) else value
            for key, value in change.items()
        }
        with contextlib.suppress(BadMutation):
            assert facts(STORE.mutate(parse_mutation(json.dumps(aimed))))

"""What queries match, and which folders they search."""

import msgspec
import pytest

from drive_emulator.drive_api.matching import compile_query
from drive_emulator.drive_api.query import BadQuery
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File


def named(store: TreeStore, name: str) -> File:
    """The file of that name in the hostile tree."""
    tree = store.trees[1]
    files = (File(tree, ordinal) for ordinal in range(tree.count))
    return next(file for file in files if file.entry.name == name)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("name = 'TWIN.jpg'", "twin.jpg", True),
        ("name != 'twin.jpg'", "twin.jpg", False),
        ("name contains 'twi'", "twin.jpg", True),
        ("name contains 'win'", "twin.jpg", False),
        ("name contains 'etc pass'", "../../etc/passwd.jpg", True),
        ("name contains 'pass etc'", "../../etc/passwd.jpg", True),
        ("name contains '\U0001f4a5'", "twin.jpg", False),
        ("name contains '../'", "../../etc/passwd.jpg", True),
        ("name contains ''", "twin.jpg", True),
        ("mimeType contains 'image/'", "twin.jpg", True),
        ("mimeType contains 'image/'", "notes.txt", False),
        ("mimeType = 'application/vnd.google-apps.folder'", "Empty", True),
        ("trashed = true", "thrown away.jpg", True),
        ("trashed = true", "with its folder.jpg", True),
        ("trashed != true", "thrown away.jpg", False),
        ("trashed", "twin.jpg", False),
        ("starred = false", "twin.jpg", True),
        ("sharedWithMe", "twin.jpg", False),
        ("visibility = 'anyoneWithLink'", "twin.jpg", True),
        ("visibility = 'limited'", "secret.jpg", True),
        ("visibility != 'limited'", "twin.jpg", True),
        ("modifiedTime > '2026-05-30'", "twin.jpg", True),
        ("modifiedTime < '2026-05-31T00:00:00+02:00'", "twin.jpg", False),
        ("createdTime <= '2030-01-01T00:00:00Z'", "twin.jpg", True),
        ("shortcutDetails.targetId = 'x'", "twin.jpg", False),
        ("properties has { key='theme' and value='' }", "twin.jpg", False),
        ("trashed = true or name = 'notes.txt'", "notes.txt", True),
        ("not (trashed = true or name = 'notes.txt')", "notes.txt", False),
    ],
)
def test_terms_mean_what_google_says(
    store: TreeStore, text: str, name: str, expected: bool
) -> None:
    assert compile_query(text).test(named(store, name)) is expected


def test_a_property_is_found_by_key_and_value(store: TreeStore) -> None:
    sample = store.trees[0]
    pictures = (File(sample, ordinal) for ordinal in range(sample.count))
    picture = next(file for file in pictures if file.entry.theme == "sea")
    assert compile_query("properties has { key='theme' and value='sea' }").test(picture)
    assert not compile_query("properties has { key='theme' and value='city' }").test(picture)
    assert not compile_query("appProperties has { key='theme' and value='sea' }").test(picture)


@pytest.mark.parametrize(
    ("text", "parents"),
    [
        ("'a' in parents", {"a"}),
        ("'a' in parents and trashed = false", {"a"}),
        ("trashed=false and ('a' in parents or 'b' in parents)", {"a", "b"}),
        ("('a' in parents) and (name='x') and (mimeType='y' or mimeType='z')", {"a"}),
        ("'a' in parents or trashed = false", None),
        ("not 'a' in parents", None),
        ("trashed = false", None),
        ("", None),
    ],
)
def test_a_query_limits_the_folders_to_search(text: str, parents: set[str] | None) -> None:
    assert compile_query(text).parents == parents


def test_grouped_parents_match_their_children_and_no_others(store: TreeStore) -> None:
    first, other = named(store, "in the first.jpg"), named(store, "twin.jpg")
    text = f"'{first.parent_ids[0]}' in parents or '{first.id}' in parents or name = 'nobody'"
    assert compile_query(text).test(first)
    assert not compile_query(text).test(other)


@pytest.mark.parametrize(
    "text",
    [
        "colour = 'red'",
        "name > 'a'",
        "name = true",
        "name",
        "trashed = 'true'",
        "trashed > true",
        "modifiedTime > 'yesterday'",
        "modifiedTime contains '2025'",
        "modifiedTime = true",
        "parents = 'a'",
        "'a' in name",
        "visibility = 'nobody'",
        "visibility contains 'any'",
        "shortcutDetails.targetId contains 'a'",
        "labels has { key='a' and value='b' }",
        "properties has { key='a' }",
        "properties = 'a'",
    ],
)
def test_impossible_terms_and_operators_are_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        compile_query(text)


def test_shared_with_me_matches_files_shared_with_the_caller_by_name(store: TreeStore) -> None:
    spec = {"path": "for us.jpg", "sharedWith": ["us@example.com"]}
    tree = store.add(parse_tree(msgspec.json.encode({"name": "ours", "items": [spec]})))
    ours = next(File(tree, n) for n in range(tree.count) if n)
    assert compile_query("sharedWithMe", "us@example.com").test(ours)
    assert not compile_query("sharedWithMe", "them@example.com").test(ours)
    assert not compile_query("sharedWithMe").test(ours)
    assert compile_query("not sharedWithMe").test(ours)

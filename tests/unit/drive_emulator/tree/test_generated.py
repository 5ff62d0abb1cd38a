"""Specifications of generated trees: what is accepted, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.tree.explicit_spec import BadTree
from drive_emulator.tree.generated import GeneratedTreeSpec, parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File


def test_a_name_and_a_number_are_enough() -> None:
    assert parse_tree('{"name": "a", "pictures": 3}') == GeneratedTreeSpec(name="a", pictures=3)


def test_a_size_is_one_number_or_a_range() -> None:
    one = GeneratedTreeSpec(name="a", pictures=3, size=102_400)
    assert parse_tree('{"name": "a", "pictures": 3, "size": 102400}') == one
    several = GeneratedTreeSpec(name="a", pictures=3, size=(5_000, 90_000))
    assert parse_tree('{"name": "a", "pictures": 3, "size": [5000, 90000]}') == several


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ('{"pictures": 1}', "missing required field `name`"),
        ('{"name": "a", "pictures": 1, "picture": 2}', "unknown field `picture`"),
        ('{"name": "a", "pictures": "1"}', r"Expected `int`, got `str` - at `\$.pictures`"),
        ('{"name": "a", "pictures": -1}', r"Expected `int` >= 0 - at `\$.pictures`"),
        ('{"name": "a", "pictures": 1000000000}', r"`int` <= 100000000"),
        ('{"name": "a/b", "pictures": 1}', r"at `\$.name`"),
        ('{"name": "", "pictures": 1}', r"at `\$.name`"),
        ('{"name": "a", "pictures": 1, "size": 100}', r"4,096 to 2,147,483,648 bytes"),
        ('{"name": "a", "pictures": 1, "size": [1, 9000]}', r"4,096 to"),
        ('{"name": "a", "pictures": 1, "size": [9000, 8000]}', "is reversed"),
        ('{"name": "a", "pictures": 1, "size": [9000]}', r"at `\$.size`"),
        ('{"name": "a", "pictures": 1, "depth": 7, "fan_out": 10}', "more than 1,000,000 folders"),
        ('{"name": "a", "pictures": 1, "depth": 100, "fan_out": 999999}', "more than 1,000,000"),
        ('{"name": "a", "pictures": 1, "other_share": 1}', r"at `\$.other_share`"),
        (b'{"name": "\xff", "pictures": 1}', "invalid tree"),
    ],
)
def test_an_invalid_tree_is_refused_with_the_reason(text: str | bytes, says: str) -> None:
    with pytest.raises(BadTree, match=says):
        parse_tree(text)


@given(st.text(max_size=50) | st.binary(max_size=50))
def test_any_text_is_a_tree_or_refused(text: str | bytes) -> None:
    with pytest.raises(BadTree):
        parse_tree(text)


def test_sizes_of_a_range_lie_in_it_and_differ() -> None:
    tree = TreeStore(1).add(parse_tree('{"name": "a", "pictures": 500, "size": [5000, 500000]}'))
    sizes = [blob.size for blob in tree.layout.blobs]
    assert len(set(sizes)) > 40
    assert min(sizes) >= 5_000
    assert max(sizes) <= 500_000
    assert sum(size < 50_000 for size in sizes) > len(sizes) / 3  # small ones are common


def test_huge_files_share_few_pictures() -> None:
    tree = TreeStore(1).add(parse_tree('{"name": "a", "pictures": 50, "size": 1000000000}'))
    assert len(tree.layout.blobs) == 1
    assert tree.layout.picture_bytes() == 50_000_000_000


def test_a_tree_can_be_added_twice_but_not_another_of_the_same_name() -> None:
    store = TreeStore(1)
    first = store.add(parse_tree('{"name": "a", "pictures": 5}'))
    assert store.add(parse_tree('{"pictures": 5, "name": "a"}')) is first
    with pytest.raises(BadTree, match="another tree is called 'a'"):
        store.add(parse_tree('{"name": "a", "pictures": 6}'))
    with pytest.raises(BadTree, match="another tree is called 'sample'"):
        store.add(parse_tree('{"name": "sample", "pictures": 6}'))


def test_ids_depend_only_on_seed_and_name() -> None:
    spec = parse_tree('{"name": "a", "pictures": 5}')
    alone, crowded, other = TreeStore(1), TreeStore(1), TreeStore(2)
    crowded.add(parse_tree('{"name": "b", "pictures": 5}'))
    ids = [File(store.add(spec), 3).id for store in (alone, crowded, other)]
    assert ids[0] == ids[1] != ids[2]
    assert len(ids[0]) == 33
    assert ids[0][0] == "1"

"""The grammar of `fields`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.fields.mask import BadMask, Mask, Schema, apply_mask, parse_mask, resolve
from drive_emulator.fields.schema import FILE, FILE_LIST

SCHEMA: Schema = {"a": {}, "b": {"c": {}, "d": {"e": {}}}, "map": None}


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("a", {"a": {}}),
        ("a,b", {"a": {}, "b": {}}),
        ("b/c", {"b": {"c": {}}}),
        ("b(c,d/e)", {"b": {"c": {}, "d": {"e": {}}}}),
        ("b(c),b(d)", {"b": {"c": {}, "d": {}}}),
        ("b,b/c", {"b": {}}),
        ("b/c,b", {"b": {}}),
        (" a , b ( c , d ) ", {"a": {}, "b": {"c": {}, "d": {}}}),
        ("*", {"*": {}}),
        ("b/*", {"b": {"*": {}}}),
    ],
)
def test_masks_nest_by_slash_and_by_parenthesis(text: str, mask: Mask) -> None:
    assert parse_mask(text) == mask


@pytest.mark.parametrize(
    "text", ["", ",", "a,", ",a", "a b", "a(", "a()", "a(b", "a)b", "a/", "/a", "a//b", "a;b", "ä"]
)
def test_a_malformed_mask_is_refused(text: str) -> None:
    with pytest.raises(BadMask):
        parse_mask(text)


@pytest.mark.parametrize("text", ["a(" * 3_000, "a/" * 3_000 + "a"])
def test_no_mask_is_deep_enough_to_break_the_parser(text: str) -> None:
    with pytest.raises(BadMask):
        parse_mask(text)


def test_stars_are_spelled_out() -> None:
    assert resolve(parse_mask("*"), SCHEMA) == {"a": {}, "b": {}, "map": {}}
    assert resolve(parse_mask("b/*"), SCHEMA) == {"b": {"c": {}, "d": {}}}
    assert resolve(parse_mask("*/c"), {"x": {"c": {}}, "y": {}}) == {"x": {"c": {}}, "y": {}}


def test_a_map_takes_any_name_below_it() -> None:
    assert resolve(parse_mask("map/anything"), SCHEMA) == {"map": {}}


@pytest.mark.parametrize(
    ("text", "named"), [("q", "q"), ("b/q", "q"), ("a/c", "c"), ("b(c,z)", "z")]
)
def test_a_name_that_the_resource_lacks_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(BadMask, match=f"^{named}$"):
        resolve(parse_mask(text), SCHEMA)


def test_parts_are_picked_from_lists_and_objects() -> None:
    value = {"a": 1, "b": [{"c": 1, "d": 2}, {"d": 3}]}
    assert apply_mask(value, parse_mask("b/c")) == {"b": [{"c": 1}, {}]}
    assert apply_mask(value, {}) == value


@pytest.mark.parametrize(
    "text",
    [
        "nextPageToken, incompleteSearch, files(id, name, imageMediaMetadata(width, height))",
        "files/id,files/shortcutDetails/targetId,nextPageToken",
        "files(id,name,size,md5Checksum,sha1Checksum,sha256Checksum,trashed,explicitlyTrashed,"
        "modifiedTime,createdTime,mimeType,parents,webViewLink,shortcutDetails,exportLinks,"
        "resourceKey),nextPageToken,incompleteSearch",  # as rclone asks
        "*",
        "files/*",
    ],
)
def test_masks_of_real_clients_are_known(text: str) -> None:
    assert resolve(parse_mask(text), FILE_LIST)


def test_the_schema_has_the_65_properties_of_a_file() -> None:
    assert len(FILE) == 65


@given(st.text(alphabet="ab*/(), _", max_size=40))
def test_any_text_is_a_mask_or_refused(text: str) -> None:
    try:
        resolve(parse_mask(text), SCHEMA)
    except BadMask:
        return

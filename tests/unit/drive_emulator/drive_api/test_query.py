"""The grammar of `q`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.drive_api.query import And, BadQuery, Not, Or, Term, parse_query


def test_and_binds_tighter_than_or() -> None:
    a, b, c = (Term("name", "=", text) for text in "abc")
    assert parse_query("name='a' or name='b' and name='c'") == Or((a, And((b, c))))
    assert parse_query("(name='a' or name='b') and name='c'") == And((Or((a, b)), c))


def test_not_applies_to_the_next_term_only() -> None:
    trashed, starred = Term("trashed", "=", True), Term("starred", "=", True)
    assert parse_query("not trashed and starred") == And((Not(trashed), starred))
    assert parse_query("not (trashed and starred)") == Not(And((trashed, starred)))
    assert parse_query("not not trashed") == Not(Not(trashed))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"name = 'Valentine\'s Day'", "Valentine's Day"),
        (r"name = 'back\\slash'", "back\\slash"),
        (r"name = 'ends in \\'", "ends in \\"),
        ('name = "double"', "double"),
        ('name = "it\'s"', "it's"),
        (r'name = "a \"word\""', 'a "word"'),
        ("name = ' and trashed = true or '", " and trashed = true or "),
        ("name='new\nline'", "new\nline"),
        ("name=''", ""),
    ],
)
def test_strings_are_quoted_and_escaped_both_ways(text: str, value: str) -> None:
    assert parse_query(text) == Term("name", "=", value)


def test_spaces_around_operators_may_be_left_out() -> None:
    assert parse_query("trashed=false") == parse_query("  trashed  =  false  ")
    later = Term("modifiedTime", ">=", "2025-01-01")
    assert parse_query("modifiedTime>='2025-01-01'") == later


def test_parents_are_queried_with_in() -> None:
    assert parse_query("'abc' in parents") == Term("parents", "in", "abc")
    assert parse_query('"abc" in parents') == Term("parents", "in", "abc")


def test_a_collection_has_pairs() -> None:
    text = "properties has { key='theme' and value='sea' }"
    assert parse_query(text) == Term("properties", "has", (("key", "theme"), ("value", "sea")))


def test_a_quoted_operator_is_a_value() -> None:
    assert parse_query("name contains 'or'") == Term("name", "contains", "or")
    assert parse_query("name = '='") == Term("name", "=", "=")


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name = 'a",
        "name = a",
        "= 'a'",
        "name == 'a'",
        "name = 'a' name = 'b'",
        "name = 'a' and",
        "or name = 'a'",
        "(name = 'a'",
        "name = 'a')",
        "'a' = name",
        "'a' in",
        "'a' in 'b'",
        "not",
        "()",
        "name = 'a' & name = 'b'",
        "properties has { key='a' and value='b'",
        "properties has 'a'",
        "name = 5",
        "\x00",
    ],
)
def test_a_malformed_query_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        parse_query(text)


@pytest.mark.parametrize("text", ["(" * 5_000, "not " * 5_000 + "trashed", "x" * 70_000])
def test_no_query_is_deep_or_long_enough_to_break_the_parser(text: str) -> None:
    with pytest.raises(BadQuery):
        parse_query(text)


@given(st.text(alphabet="()'\"\\{}=!<> andortiparshmeX1", max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_query(text)
    except BadQuery:
        return


@given(st.text(max_size=30))
def test_any_name_can_be_queried(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    assert parse_query(f"name = '{quoted}'") == Term("name", "=", name)

"""Cursors: ours come back as they were, and nothing else is taken for one."""

from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request, Response
from litestar.types import HTTPScope

from services.adapters.catalog.views.imports import ImportPlace
from services.api.lists import cursor_of, key_of, page_of
from services.api.problems import Problem
from tests.unit.api.conftest import SCOPE

times = st.datetimes(timezones=st.just(UTC))


@given(key=st.integers(0, 2**63 - 1))
def test_a_number_comes_back(key: int) -> None:
    assert key_of(cursor_of("images:id", key), "images:id", int) == key


@given(at=times, id=st.text(max_size=50))
def test_a_place_comes_back(at: datetime, id: str) -> None:
    place = ImportPlace(at, id)
    assert key_of(cursor_of("imports", place), "imports", ImportPlace) == place


@given(text=st.text(min_size=1, max_size=60))
def test_no_other_text_is_a_cursor(text: str) -> None:
    for kind in (int, str, ImportPlace):
        with pytest.raises(Problem, match="bad_cursor"):
            key_of(text, "images:id", kind)


@pytest.mark.parametrize("key", ["1", 1.5, None, True, [1]])
def test_a_cursor_with_another_kind_of_key_is_refused(key: object) -> None:
    with pytest.raises(Problem, match="bad_cursor"):
        key_of(cursor_of("images:id", key), "images:id", int)


def test_a_cursor_of_another_list_or_of_any_length_is_refused() -> None:
    with pytest.raises(Problem, match="bad_cursor"):
        key_of(cursor_of("images:newest", 1), "images:id", int)
    with pytest.raises(Problem, match="bad_cursor"):
        key_of(cursor_of("files", "x" * 5000), "files", str)
    assert key_of(None, "files", str) is None


def page(rows: list[int], limit: int, query: str = "") -> Response[list[int]]:
    scope = {**SCOPE, "path": "/images", "query_string": query.encode()}
    return page_of(rows, limit, Request(cast(HTTPScope, scope)), "images:id", lambda row: row)


def test_a_page_is_cut_from_one_row_more() -> None:
    assert page([1, 2, 3], 2).content == page([1, 2], 2).content == [1, 2]
    assert "Link" in page([1, 2, 3], 2).headers
    assert "Link" not in page([1, 2], 2).headers


def test_a_link_carries_what_was_asked_and_nothing_that_breaks_it() -> None:
    asked = {"limit": "2", "folder": 'a">b, <c>;\r\n', "cursor": "the one before"}
    link = page([1, 2, 3], 2, urlencode(asked)).headers["Link"]
    cursor = cursor_of("images:id", 2)
    assert link == (
        f'</images?limit=2&folder=a%22%3Eb%2C+%3Cc%3E%3B%0D%0A&cursor={cursor}>; rel="next"'
    )

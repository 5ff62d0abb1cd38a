"""Knobs, and their effect on listings."""

from dataclasses import replace
from typing import Any

import pytest

from drive_emulator.drive_api.backend import BadKnob, Knobs
from drive_emulator.drive_api.listing import Listing, read_list_request
from drive_emulator.http.errors import ApiError
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.explicit_trees import CALLER


class Hands:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> float:
        return self.seconds


def asked(store: TreeStore, tree: Tree, token: str | None = None, size: int = 2) -> dict[str, str]:
    q = f"'{File(tree, 0).id}' in parents"
    return {"q": q, "pageSize": str(size), **({"pageToken": token} if token else {})}


def walked(listing: Listing, store: TreeStore, tree: Tree) -> list[int]:
    """Ordinals, page by page to the end."""
    found: list[int] = []
    token: str | None = None
    for _ in range(100):
        page = listing.page(read_list_request(asked(store, tree, token), CALLER))
        found += [file.ordinal for file in page.files]
        token = page.next_token
        if token is None:
            return found
    raise AssertionError("the listing does not end")


def test_the_life_of_a_page_token_can_be_set(store: TreeStore, small: Tree) -> None:
    hands, knobs = Hands(), Knobs()
    listing = Listing(store, knobs, hands.now)
    token = listing.page(read_list_request(asked(store, small), CALLER)).next_token
    hands.seconds += knobs.token_life - 1
    again = listing.page(read_list_request(asked(store, small, token), CALLER))
    assert again.files
    hands.seconds += 2
    with pytest.raises(ApiError) as refused:
        listing.page(read_list_request(asked(store, small, token), CALLER))
    assert refused.value.body["error"]["errors"][0]["location"] == "pageToken"
    assert listing.page(read_list_request(asked(store, small, again.next_token), CALLER)).files
    knobs.change({"token_life": 0})
    hands.seconds += 1
    with pytest.raises(ApiError):
        listing.page(read_list_request(asked(store, small, again.next_token), CALLER))


def test_a_page_token_lives_several_hours_by_default() -> None:
    assert 2 * 3_600 <= Knobs().token_life <= 12 * 3_600


def test_an_unknown_parent_is_404_or_an_empty_folder(store: TreeStore) -> None:
    knobs = Knobs()
    listing = Listing(store, knobs)
    nobody = read_list_request({"q": "'nobody' in parents"}, CALLER)
    with pytest.raises(ApiError) as refused:
        listing.page(nobody)
    assert refused.value.status == 404
    knobs.change({"unknown_parent": "empty"})
    assert listing.page(nobody).files == []


def test_every_shuffled_listing_is_complete_and_has_its_own_order(
    store: TreeStore, small: Tree
) -> None:
    straight = walked(Listing(store), store, small)
    listing = Listing(store, Knobs(shuffle=True))
    orders = [walked(listing, store, small) for _ in range(5)]
    assert all(sorted(order) == straight for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_an_empty_page_has_a_token_for_the_same_position(store: TreeStore, small: Tree) -> None:
    listing = Listing(store)
    whole = walked(listing, store, small)
    first = read_list_request(asked(store, small), CALLER)
    nothing = listing.page(replace(first, size=0))
    assert nothing.files == []
    page = listing.page(read_list_request(asked(store, small, nothing.next_token), CALLER))
    assert [file.ordinal for file in page.files] == whole[:2]
    later = read_list_request(asked(store, small, page.next_token), CALLER)
    nothing = listing.page(replace(later, size=0))
    page = listing.page(read_list_request(asked(store, small, nothing.next_token), CALLER))
    assert [file.ordinal for file in page.files] == whole[2:4]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"colour": 1}, "unknown field `colour`"),
        ({"token_life": -1}, "float"),
        ({"token_life": True}, "float"),
        ({"token_life": "long"}, "float"),
        ({"unknown_parent": 404}, "unknown_parent"),
        ({"shuffle": 1}, "bool"),
        ({"redirect_media": None}, "bool"),
    ],
)
def test_an_invalid_knob_changes_nothing(wanted: dict[str, Any], says: str) -> None:
    knobs = Knobs()
    with pytest.raises(BadKnob, match=says):
        knobs.change({"shuffle": True, **wanted})
    assert knobs == Knobs()

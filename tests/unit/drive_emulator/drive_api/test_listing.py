"""Pages of files.list: each file once, in order, and tokens that cannot be misused."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.auth.caller import Caller
from drive_emulator.drive_api.listing import Listing, read_list_request
from drive_emulator.http.errors import ApiError
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree

CALLER = Caller(key="k")


def pages(store: TreeStore, params: Mapping[str, str]) -> Iterator[list[File]]:
    """Every page, by following the tokens."""
    listing, token = Listing(store), ""
    for _ in range(1_000):
        page = listing.page(read_list_request({**params, "pageToken": token}, CALLER))
        yield page.files
        if page.next_token is None:
            return
        token = page.next_token
    raise AssertionError("the listing does not end")


def names(store: TreeStore, params: Mapping[str, str]) -> list[str]:
    return [file.entry.name for page in pages(store, params) for file in page]


def below(store: TreeStore, tree: Tree, folder: int = 0) -> str:
    return f"'{File(tree, folder).id}' in parents"


@given(size=st.integers(1, 40), order=st.sampled_from(["", "name", "name desc", "folder"]))
def test_any_page_size_lists_each_child_once(store: TreeStore, size: int, order: str) -> None:
    tree = store.trees[1]
    asked = {"q": below(store, tree), "pageSize": str(size), "orderBy": order}
    found = [file.ordinal for page in pages(store, asked) for file in page]
    layout = tree.layout
    children = [*layout.subfolders(0), *layout.files_in(0)]
    visible = [each for each in children if layout.entry(each).shared]
    assert sorted(found) == visible
    assert all(len(page) <= size for page in pages(store, asked))


def test_a_full_last_page_has_no_token(store: TreeStore, small: Tree) -> None:
    asked = read_list_request({"q": below(store, small, 1), "pageSize": "8"}, CALLER)
    page = Listing(store).page(asked)
    assert len(page.files) == len(small.layout.files_in(1)) == 8
    assert page.next_token is None


def test_the_default_order_is_newest_first(store: TreeStore, small: Tree) -> None:
    files = [file for page in pages(store, {"q": below(store, small)}) for file in page]
    times = [file.entry.modified_ms for file in files]
    assert len(times) > 3
    assert times == sorted(times, reverse=True)


def test_orders_apply_key_by_key(store: TreeStore) -> None:
    q = below(store, store.trees[1])
    by_name = names(store, {"q": q, "orderBy": "name"})
    assert by_name == sorted(by_name, key=str.casefold)
    assert names(store, {"q": q, "orderBy": "name desc"})[0] == by_name[-1]
    folders_first = names(store, {"q": q, "orderBy": "folder,name"})
    assert folders_first[:3] == ["..", "a/b", "Empty"]
    assert folders_first[-1] == max(by_name, key=str.casefold)


def test_natural_order_counts_numbers(store: TreeStore) -> None:
    q = f"{below(store, store.trees[0], 2)} or {below(store, store.trees[0], 1)}"
    natural = names(store, {"q": q, "orderBy": "name_natural"})
    numbers = [int(name.split("no. ")[1].split(".")[0]) for name in natural if "Alps no." in name]
    assert len(numbers) > 1
    assert numbers == sorted(numbers)


def test_several_parents_are_listed_together(store: TreeStore, small: Tree) -> None:
    q = f"trashed=false and ({below(store, small, 1)} or {below(store, small, 3)})"
    found = {
        file.parent_ids[0] for page in pages(store, {"q": q, "pageSize": "3"}) for file in page
    }
    assert found == {File(small, 1).id, File(small, 3).id}
    assert len(names(store, {"q": q, "pageSize": "3"})) == 17


def test_without_parents_everything_shared_is_listed() -> None:
    store = TreeStore(1)
    found = names(store, {"pageSize": "1000"})
    hidden = {"Private", "secret.jpg"}
    assert len(found) == sum(tree.count for tree in store.trees) - len(hidden)
    assert hidden.isdisjoint(found)


def test_trashed_files_are_listed_unless_excluded(store: TreeStore) -> None:
    q = below(store, store.trees[1])
    everything = names(store, {"q": q})
    assert "thrown away.jpg" in everything
    assert set(everything) - set(names(store, {"q": f"{q} and trashed=false"})) == {
        "thrown away.jpg",
        "Thrown away",
    }


@pytest.mark.parametrize(
    "other",
    [{"q": "trashed = false"}, {"orderBy": "name"}, {"corpora": "user"}, {"spaces": "drive"}],
)
def test_a_page_token_is_bound_to_its_request(
    store: TreeStore, small: Tree, other: dict[str, str]
) -> None:
    asked = {"q": below(store, small), "pageSize": "2"}
    listing = Listing(store)
    token = listing.page(read_list_request(asked, CALLER)).next_token
    assert token is not None
    for params, caller in (({**asked, **other}, CALLER), (asked, Caller(key="another key"))):
        with pytest.raises(ApiError) as refused:
            listing.page(read_list_request({**params, "pageToken": token}, caller))
        assert refused.value.body["error"]["errors"][0]["location"] == "pageToken"


def test_page_size_and_fields_may_change_from_page_to_page(store: TreeStore, small: Tree) -> None:
    listing, asked = Listing(store), {"q": below(store, small), "pageSize": "2"}
    first = listing.page(read_list_request(asked, CALLER))
    assert first.next_token is not None
    changed = {**asked, "pageSize": "1000", "fields": "files/id", "pageToken": first.next_token}
    rest = listing.page(read_list_request(changed, CALLER))
    assert len(first.files) + len(rest.files) == 3 + len(small.layout.files_in(0))


@pytest.mark.parametrize("token", ["x", "~!!~", "~!!~x", "~!!~" + "A" * 32, "é", "A" * 5_000])
def test_a_made_up_token_is_refused(store: TreeStore, token: str) -> None:
    with pytest.raises(ApiError):
        Listing(store).page(read_list_request({"pageToken": token}, CALLER))


def test_a_search_through_many_files_is_paged() -> None:
    store = TreeStore(1)
    tree = store.add(parse_tree('{"name": "big", "pictures": 50000, "size": 5000}'))
    asked = {"q": f"{below(store, tree)} and name contains '004'", "pageSize": "1000"}
    found = names(store, asked)
    assert len(found) == 10_000
    assert found[0].startswith("picture 0040000.")


@given(
    st.dictionaries(
        st.sampled_from(["q", "fields", "orderBy", "pageSize", "pageToken", "corpora", "spaces"]),
        st.text(max_size=30) | st.sampled_from(["name", "files(id)", "trashed=true", "5", "~!!~"]),
    )
)
def test_any_parameters_give_a_page_or_a_drive_error(
    store: TreeStore, params: dict[str, str]
) -> None:
    status = 200
    try:
        Listing(store).page(read_list_request({"pageSize": "3", **params}, CALLER))
    except ApiError as error:
        status = error.status
    assert status in (200, 400, 404)

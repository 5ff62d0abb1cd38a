"""Visibility: resource keys, access by name, shared drives and their two flags."""

from collections.abc import AsyncIterator

import httpx
import pytest

from drive_emulator.auth.caller import Caller
from drive_emulator.tree.explicit_spec import BadTree
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import ACCOUNT, TOKEN, caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY
from tests.unit.drive_emulator.explicit_trees import plant

FILES = "/drive/v3/files"


@pytest.fixture
def store() -> TreeStore:
    return TreeStore(seed=1)


@pytest.fixture
async def anybody(store: TreeStore) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state_of(store), key=KEY) as client:
        yield client


@pytest.fixture
async def me(store: TreeStore) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state_of(store), token=TOKEN) as client:
        yield client


@pytest.fixture
def keyed(store: TreeStore) -> Tree:
    return plant(
        store,
        {"path": ["old"], "kind": "folder", "resourceKey": "0-folder", "ref": "folder"},
        {"path": ["old", "inside.jpg"], "size": 5_000, "ref": "inside"},
        {"path": "a.jpg", "size": 5_000, "resourceKey": "0-file", "ref": "file"},
        {
            "path": "mine.jpg",
            "size": 5_000,
            "resourceKey": "0-mine",
            "sharedWith": [ACCOUNT],
            "ref": "mine",
        },
        name="keyed",
    )


def sent(*pairs: str) -> dict[str, str]:
    return {"X-Goog-Drive-Resource-Keys": ",".join(pairs)}


async def test_a_file_with_a_resource_key_is_not_found_without_it(
    anybody: httpx.AsyncClient, keyed: Tree
) -> None:
    file, other = keyed.refs["file"], keyed.refs["folder"]
    for alt in ("json", "media"):
        for headers in ({}, sent(f"{file}/0-wrong"), sent(f"{other}/0-file"), sent("nonsense")):
            answer = await anybody.get(f"{FILES}/{file}", params={"alt": alt}, headers=headers)
            assert reason(answer) == (404, "notFound", "fileId")
        right = sent(f"{other}/0-folder", f"{file}/0-file")
        answer = await anybody.get(f"{FILES}/{file}", params={"alt": alt}, headers=right)
        assert answer.status_code == 200


async def test_a_listing_reveals_the_resource_keys_of_children(
    anybody: httpx.AsyncClient, store: TreeStore, keyed: Tree
) -> None:
    params = {"q": f"'{keyed.refs['folder']}' in parents", "fields": "files(name,resourceKey)"}
    refused = await anybody.get(FILES, params=params)
    assert reason(refused) == (404, "notFound", "fileId")
    headers = sent(f"{keyed.refs['folder']}/0-folder")
    answer = await anybody.get(FILES, params=params, headers=headers)
    assert answer.json() == {"files": [{"name": "inside.jpg"}]}
    params["q"] = f"'{File(keyed, 0).id}' in parents"
    shown = (await anybody.get(FILES, params=params)).json()["files"]
    assert {"name": "a.jpg", "resourceKey": "0-file"} in shown
    assert {"name": "old", "resourceKey": "0-folder"} in shown


async def test_access_by_name_needs_no_resource_key(
    anybody: httpx.AsyncClient, me: httpx.AsyncClient, keyed: Tree
) -> None:
    mine, others = keyed.refs["mine"], keyed.refs["file"]
    assert (await anybody.get(f"{FILES}/{mine}")).status_code == 404
    assert (await me.get(f"{FILES}/{mine}")).status_code == 200
    assert (await me.get(f"{FILES}/{others}")).status_code == 404


async def test_a_private_folder_is_visible_to_the_accounts_it_is_shared_with(
    anybody: httpx.AsyncClient, me: httpx.AsyncClient, store: TreeStore
) -> None:
    private = {"kind": "folder", "shared": False}
    tree = plant(
        store,
        {"path": ["Ours"], "sharedWith": [ACCOUNT], "ref": "ours", **private},
        {"path": ["Ours", "Below", "a.jpg"], "size": 5_000, "ref": "file"},
        {"path": ["Theirs"], "sharedWith": ["you@example.com"], "ref": "theirs", **private},
    )
    for ref, for_me in (("ours", 200), ("file", 200), ("theirs", 404)):
        assert (await me.get(f"{FILES}/{tree.refs[ref]}")).status_code == for_me
        assert (await anybody.get(f"{FILES}/{tree.refs[ref]}")).status_code == 404
    q = {"q": f"'{tree.refs['ours']}' in parents", "fields": "files/name"}
    assert (await me.get(FILES, params=q)).json() == {"files": [{"name": "Below"}]}
    q["q"] = f"'{File(tree, 0).id}' in parents"
    assert (await me.get(FILES, params=q)).json() == {"files": [{"name": "Ours"}]}
    assert (await anybody.get(FILES, params=q)).json() == {"files": []}


@pytest.fixture
def drive(store: TreeStore) -> Tree:
    return plant(
        store,
        {"path": ["A", "a.jpg"], "size": 5_000, "ref": "file"},
        name="ours",
        drive="Our drive",
    )


async def test_files_in_a_shared_drive_need_supports_all_drives(
    anybody: httpx.AsyncClient, drive: Tree, store: TreeStore
) -> None:
    [shared] = [tree.drive for tree in store.trees if tree.drive]
    address = f"{FILES}/{drive.refs['file']}"
    assert reason(await anybody.get(address)) == (404, "notFound", "fileId")
    assert (await anybody.get(address, params={"alt": "media"})).status_code == 404
    flag = {"supportsAllDrives": "true"}
    media = await anybody.get(address, params={"alt": "media", **flag})
    assert (media.status_code, len(media.content)) == (200, 5_000)
    told = (await anybody.get(address, params={"fields": "driveId,parents", **flag})).json()
    assert told["driveId"] == shared.id
    root = await anybody.get(f"{FILES}/{shared.id}", params={"fields": "id,name", **flag})
    assert root.json() == {"id": shared.id, "name": "Our drive"}


async def test_a_shared_drive_is_listed_with_both_flags(
    anybody: httpx.AsyncClient, store: TreeStore, drive: Tree
) -> None:
    [shared] = [tree.drive for tree in store.trees if tree.drive]
    assert (len(shared.id), shared.id[:2], shared.name) == (19, "0A", "Our drive")
    query = {"q": f"'{shared.id}' in parents", "fields": "files(name,driveId)"}
    supports, includes = {"supportsAllDrives": "true"}, {"includeItemsFromAllDrives": "true"}
    for some in ({}, supports, includes):
        assert (await anybody.get(FILES, params={**query, **some})).status_code == 404
    both = {**query, **supports, **includes}
    shown = {"files": [{"name": "A", "driveId": shared.id}]}
    assert (await anybody.get(FILES, params=both)).json() == shown
    teams = {"supportsTeamDrives": "true", "includeTeamDriveItems": "true"}
    assert (await anybody.get(FILES, params={**query, **teams})).json() == shown


async def test_one_drive_can_be_searched_as_a_corpus(
    anybody: httpx.AsyncClient, store: TreeStore, drive: Tree
) -> None:
    [shared] = [tree.drive for tree in store.trees if tree.drive]
    both = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
    whole = {"corpora": "drive", "driveId": shared.id, "fields": "files/name", **both}
    found = (await anybody.get(FILES, params=whole)).json()["files"]
    assert [file["name"] for file in found] == ["Our drive", "A", "a.jpg"]
    everywhere = {**both, "q": "name = 'a.jpg'", "fields": "files/name"}
    assert (await anybody.get(FILES, params=everywhere)).json()["files"] == [{"name": "a.jpg"}]
    none = {"q": "name = 'a.jpg'", "fields": "files/name"}
    assert (await anybody.get(FILES, params=none)).json()["files"] == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"driveId": "0AX"}, (400, "teamDriveIdRequiresTeamDriveCorpora", "")),
        ({"driveId": "0AX", "corpora": "user"}, (400, "teamDriveIdRequiresTeamDriveCorpora", "")),
        ({"corpora": "drive"}, (400, "teamDriveIdRequiresTeamDriveCorpora", "")),
        ({"corpora": "allDrives"}, (403, "teamDriveItemsRequired", "")),
        ({"corpora": "drive", "driveId": "0AX"}, (403, "teamDriveItemsRequired", "")),
        (
            {"corpora": "drive", "driveId": "0AX", "includeItemsFromAllDrives": "true"},
            (404, "notFound", "driveId"),
        ),
    ],
)
async def test_parameters_of_shared_drives_go_together(
    anybody: httpx.AsyncClient, params: dict[str, str], expected: tuple[int, str, str]
) -> None:
    assert reason(await anybody.get(FILES, params=params)) == expected


def test_a_drive_is_one_tree_and_may_have_a_given_id(store: TreeStore, drive: Tree) -> None:
    given = "0A1234567890123_PVA"
    tree = plant(store, name="theirs", drive=given)
    assert File(tree, 0).id == given
    for taken in (given, "Our drive"):
        with pytest.raises(BadTree, match="another tree is the shared drive"):
            plant(store, name="third", drive=taken)


def test_generated_trees_can_be_shared_drives_and_have_an_owner() -> None:
    store = TreeStore(seed=1)
    spec = '{"name": "a", "pictures": 3, "size": 5000, "drive": "D", "owner": "o@x", "shared": %s}'
    tree = store.add(parse_tree(spec % "false"))
    file = File(tree, 1)
    assert file.entry.shared is False
    assert not store.visible(file, Caller(key="k"), all_drives=True)
    assert store.visible(file, Caller(account="o@x"), all_drives=True)
    assert not store.visible(file, Caller(account="o@x"), all_drives=False)

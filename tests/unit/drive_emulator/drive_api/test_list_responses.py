"""files.list over HTTP: responses and errors."""

import httpx
import pytest

from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import reason

FOLDER = "application/vnd.google-apps.folder"


async def test_a_list_without_fields_has_the_default_ones(
    drive: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    root = File(small, 0).id
    answer = await drive.get("/drive/v3/files", params={"q": f"'{root}' in parents"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    listed = answer.json()
    assert set(listed) == {"kind", "incompleteSearch", "files"}
    assert listed["kind"] == "drive#fileList"
    assert listed["incompleteSearch"] is False
    assert listed["files"][0] == {
        "kind": "drive#file",
        "id": File(small, 1).id,
        "name": "Folder 0001",
        "mimeType": FOLDER,
    }


async def test_a_page_token_is_sent_only_if_fields_name_it(
    drive: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    params = {"q": f"'{File(small, 0).id}' in parents", "pageSize": "2"}
    without = await drive.get("/drive/v3/files", params={**params, "fields": "files(id)"})
    assert without.json().keys() == {"files"}
    fields = "nextPageToken,files/name"
    first = (await drive.get("/drive/v3/files", params={**params, "fields": fields})).json()
    assert first["files"] == [{"name": "Folder 0001"}, {"name": "Folder 0002"}]
    token = first["nextPageToken"]
    second = await drive.get(
        "/drive/v3/files", params={**params, "fields": fields, "pageToken": token}
    )
    assert second.json()["files"][0] == {"name": "Folder 0003"}


@pytest.mark.parametrize(("asked", "count"), [({}, 100), ({"pageSize": "5000"}, 1_000)])
async def test_page_sizes_have_a_default_and_a_limit(
    drive: httpx.AsyncClient, asked: dict[str, str], count: int
) -> None:
    answer = await drive.get("/drive/v3/files", params={**asked, "fields": "files/id"})
    assert len(answer.json()["files"]) == count


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"q": "colour = 'red'"}, (400, "invalid", "q")),
        ({"q": "name = 'a"}, (400, "invalid", "q")),
        ({"pageToken": "made up"}, (400, "invalid", "pageToken")),
        ({"orderBy": "colour"}, (400, "invalid", "orderBy")),
        ({"orderBy": "name sideways"}, (400, "invalid", "orderBy")),
        ({"corpora": "everything"}, (400, "invalid", "corpora")),
        ({"spaces": "photos"}, (400, "invalid", "spaces")),
        ({"pageSize": "0"}, (400, "invalidParameter", "pageSize")),
        ({"pageSize": "-5"}, (400, "invalidParameter", "pageSize")),
        ({"pageSize": "ten"}, (400, "invalidParameter", "pageSize")),
        ({"pageSize": "1_0"}, (400, "invalidParameter", "pageSize")),
        ({"pageSize": "\u0663"}, (400, "invalidParameter", "pageSize")),
        ({"pageSize": "9" * 5_000}, (400, "invalidParameter", "pageSize")),
        ({"fields": "items(id)"}, (400, "invalidParameter", "fields")),
        ({"fields": "files(id"}, (400, "invalidParameter", "fields")),
        ({"alt": "media"}, (400, "invalidParameter", "alt")),
        ({"q": "'nobody' in parents"}, (404, "notFound", "fileId")),
    ],
)
async def test_a_bad_parameter_is_named(
    drive: httpx.AsyncClient, params: dict[str, str], expected: tuple[int, str, str]
) -> None:
    assert reason(await drive.get("/drive/v3/files", params=params)) == expected


async def test_errors_have_googles_wording(drive: httpx.AsyncClient) -> None:
    answer = await drive.get("/drive/v3/files", params={"q": "nonsense"})
    assert answer.json() == {
        "error": {
            "errors": [
                {
                    "domain": "global",
                    "reason": "invalid",
                    "message": "Invalid Value",
                    "locationType": "parameter",
                    "location": "q",
                }
            ],
            "code": 400,
            "message": "Invalid Value",
        }
    }
    fields = await drive.get("/drive/v3/files", params={"fields": "items"})
    assert fields.json()["error"]["message"] == "Invalid field selection items"
    parent = await drive.get("/drive/v3/files", params={"q": "'nobody' in parents"})
    assert parent.json()["error"]["message"] == "File not found: ."
    one = await drive.get("/drive/v3/files/nobody")
    assert one.json()["error"]["message"] == "File not found: nobody."

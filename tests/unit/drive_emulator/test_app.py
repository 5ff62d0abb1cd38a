"""Drive's answers, header by header and word by word."""

import gzip
import hashlib
import io

import httpx
import pytest
from PIL import Image

from drive_emulator.forest import File, Forest, Tree
from tests.unit.drive_emulator.conftest import KEY

FOLDER = "application/vnd.google-apps.folder"


@pytest.fixture
def picture(forest: Forest, small: Tree) -> File:
    return forest.file(small, small.layout.folders + 1)


@pytest.fixture
def private(forest: Forest) -> File:
    hostile = forest.trees[1]
    files = (forest.file(hostile, ordinal) for ordinal in range(hostile.count))
    return next(file for file in files if file.entry.name == "Private")


def reason(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, reason and location of an error."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    first = error["errors"][0]
    assert first["message"] == error["message"]
    return answer.status_code, first["reason"], first.get("location", "")


async def test_a_list_without_fields_has_the_usual_ones(
    drive: httpx.AsyncClient, forest: Forest, small: Tree
) -> None:
    root = forest.file(small, 0).id
    answer = await drive.get("/drive/v3/files", params={"q": f"'{root}' in parents"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    listed = answer.json()
    assert set(listed) == {"kind", "incompleteSearch", "files"}
    assert listed["kind"] == "drive#fileList"
    assert listed["incompleteSearch"] is False
    assert listed["files"][0] == {
        "kind": "drive#file",
        "id": forest.file(small, 1).id,
        "name": "Folder 0001",
        "mimeType": FOLDER,
    }


async def test_a_token_comes_only_where_fields_name_it(
    drive: httpx.AsyncClient, forest: Forest, small: Tree
) -> None:
    params = {"q": f"'{forest.file(small, 0).id}' in parents", "pageSize": "2"}
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


async def test_errors_are_worded_as_google_words_them(drive: httpx.AsyncClient) -> None:
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


async def test_a_file_shows_what_fields_ask_for(drive: httpx.AsyncClient, picture: File) -> None:
    usual = (await drive.get(f"/drive/v3/files/{picture.id}")).json()
    assert set(usual) == {"kind", "id", "name", "mimeType"}
    fields = "size,parents,imageMediaMetadata(width,height),capabilities/canDownload,modifiedTime"
    some = (await drive.get(f"/drive/v3/files/{picture.id}", params={"fields": fields})).json()
    assert some["size"] == "5000"
    assert some["parents"] == [picture.parent_id]
    assert some["imageMediaMetadata"].keys() == {"width", "height"}
    assert some["capabilities"] == {"canDownload": True}
    assert some["modifiedTime"].endswith("Z")
    everything = (await drive.get(f"/drive/v3/files/{picture.id}", params={"fields": "*"})).json()
    assert (
        some.items()
        <= {**everything, **{k: some[k] for k in ("imageMediaMetadata", "capabilities")}}.items()
    )
    assert "shortcutDetails" not in everything


async def test_the_bytes_are_those_of_the_checksums(
    drive: httpx.AsyncClient, picture: File
) -> None:
    fields = "size,mimeType,md5Checksum,sha1Checksum,sha256Checksum,imageMediaMetadata"
    facts = (await drive.get(f"/drive/v3/files/{picture.id}", params={"fields": fields})).json()
    answer = await drive.get(f"/drive/v3/files/{picture.id}", params={"alt": "media"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == facts["mimeType"]
    assert answer.headers["content-length"] == facts["size"] == str(len(answer.content))
    for kind in ("md5", "sha1", "sha256"):
        assert hashlib.new(kind, answer.content).hexdigest() == facts[f"{kind}Checksum"]
    with Image.open(io.BytesIO(answer.content)) as image:
        shown = facts["imageMediaMetadata"]
        assert image.size == (shown["width"], shown["height"])


async def test_no_two_files_have_the_same_bytes(
    drive: httpx.AsyncClient, forest: Forest, small: Tree
) -> None:
    q = " or ".join(f"'{forest.file(small, folder).id}' in parents" for folder in range(4))
    params = {"q": q, "fields": "files(md5Checksum)", "pageSize": "1000"}
    files = (await drive.get("/drive/v3/files", params=params)).json()["files"]
    checksums = [file["md5Checksum"] for file in files if file]
    assert len(set(checksums)) == len(checksums) == 33


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=4900-", 4_900, 5_000), ("bytes=-1", 4_999, 5_000)],
)
async def test_a_range_is_served_as_partial_content(
    drive: httpx.AsyncClient, picture: File, header: str, start: int, stop: int
) -> None:
    url = f"/drive/v3/files/{picture.id}"
    whole = (await drive.get(url, params={"alt": "media"})).content
    part = await drive.get(url, params={"alt": "media"}, headers={"range": header})
    assert part.status_code == 206
    assert part.content == whole[start:stop]
    assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/5000"
    assert part.headers["content-length"] == str(stop - start)


async def test_several_ranges_get_the_whole(drive: httpx.AsyncClient, picture: File) -> None:
    headers = {"range": "bytes=0-1,5-9"}
    answer = await drive.get(
        f"/drive/v3/files/{picture.id}", params={"alt": "media"}, headers=headers
    )
    assert (answer.status_code, len(answer.content)) == (200, 5_000)


async def test_a_range_behind_the_end_is_416_with_the_size(
    drive: httpx.AsyncClient, picture: File
) -> None:
    headers = {"range": "bytes=5000-"}
    answer = await drive.get(
        f"/drive/v3/files/{picture.id}", params={"alt": "media"}, headers=headers
    )
    assert reason(answer) == (416, "requestedRangeNotSatisfiable", "Range")
    assert answer.headers["content-range"] == "bytes */5000"


async def test_a_file_of_no_bytes_is_served_and_has_no_range(
    drive: httpx.AsyncClient, forest: Forest
) -> None:
    hostile = forest.trees[1]
    empty = forest.file(hostile, hostile.layout.folders)
    url = f"/drive/v3/files/{empty.id}"
    answer = await drive.get(url, params={"alt": "media"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    ranged = await drive.get(url, params={"alt": "media"}, headers={"range": "bytes=0-99"})
    assert (ranged.status_code, ranged.headers["content-range"]) == (416, "bytes */0")
    facts = (await drive.get(url, params={"fields": "size,md5Checksum,imageMediaMetadata"})).json()
    assert facts == {"size": "0", "md5Checksum": hashlib.md5(b"").hexdigest()}


async def test_head_tells_the_length_and_sends_nothing(
    drive: httpx.AsyncClient, picture: File
) -> None:
    answer = await drive.head(f"/drive/v3/files/{picture.id}", params={"alt": "media"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "5000"
    assert answer.headers["accept-ranges"] == "bytes"


async def test_the_download_address_serves_the_same_bytes(
    drive: httpx.AsyncClient, picture: File
) -> None:
    one = await drive.get(f"/drive/v3/files/{picture.id}", params={"alt": "media"})
    other = await drive.get(f"/download/drive/v3/files/{picture.id}", params={"alt": "media"})
    assert one.content == other.content


async def test_folders_and_native_documents_have_no_bytes(
    drive: httpx.AsyncClient, forest: Forest
) -> None:
    hostile = forest.trees[1]
    files = [forest.file(hostile, ordinal) for ordinal in range(hostile.count)]
    document = next(file for file in files if file.entry.name == "a document")
    for file in (files[0], document):
        answer = await drive.get(f"/drive/v3/files/{file.id}", params={"alt": "media"})
        assert reason(answer) == (403, "fileNotDownloadable", "alt")
        facts = (await drive.get(f"/drive/v3/files/{file.id}", params={"fields": "*"})).json()
        assert {"size", "md5Checksum", "webContentLink"}.isdisjoint(facts)


async def test_what_is_not_shared_looks_as_if_it_were_not_there(
    drive: httpx.AsyncClient, forest: Forest, private: File
) -> None:
    secret = forest.file(private.tree, private.tree.layout.files_in(private.ordinal)[0])
    for file in (private, secret):
        for alt in ("json", "media"):
            answer = await drive.get(f"/drive/v3/files/{file.id}", params={"alt": alt})
            assert reason(answer) == (404, "notFound", "fileId")
    listed = await drive.get("/drive/v3/files", params={"q": f"'{private.id}' in parents"})
    assert reason(listed) == (404, "notFound", "fileId")


async def test_one_bad_parent_among_good_ones_hides_nothing(
    drive: httpx.AsyncClient, forest: Forest, small: Tree, private: File
) -> None:
    q = f"'{private.id}' in parents or '{forest.file(small, 1).id}' in parents"
    answer = await drive.get("/drive/v3/files", params={"q": q})
    assert len(answer.json()["files"]) == 8


async def test_a_trashed_file_is_still_served(drive: httpx.AsyncClient, forest: Forest) -> None:
    hostile = forest.trees[1]
    files = (forest.file(hostile, ordinal) for ordinal in range(hostile.count))
    trashed = next(file for file in files if file.entry.name == "with its folder.jpg")
    params = {"fields": "trashed,explicitlyTrashed"}
    facts = (await drive.get(f"/drive/v3/files/{trashed.id}", params=params)).json()
    assert facts == {"trashed": True, "explicitlyTrashed": False}


async def test_without_a_key_nothing_is_answered(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files")
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": 403,
        "message": "The request is missing a valid API key.",
        "status": "PERMISSION_DENIED",
    }


async def test_a_wrong_key_is_a_bad_request(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files", params={"key": "wrong"})
    assert reason(answer) == (400, "badRequest", "")
    assert answer.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_the_key_may_be_a_header(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files", headers={"X-Goog-Api-Key": KEY})
    assert answer.status_code == 200


async def test_an_unknown_token_is_unauthorized(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/drive/v3/files", headers={"Authorization": "Bearer x"})
    assert reason(answer) == (401, "authError", "Authorization")


async def test_a_long_get_may_come_as_a_post(
    drive: httpx.AsyncClient, forest: Forest, small: Tree
) -> None:
    form = {"q": f"'{forest.file(small, 1).id}' in parents", "fields": "files(name)"}
    headers = {"X-HTTP-Method-Override": "GET"}
    posted = await drive.post("/drive/v3/files", data=form, headers=headers)
    gotten = await drive.get("/drive/v3/files", params=form)
    assert posted.json() == gotten.json()
    assert len(posted.json()["files"]) == 8


async def test_a_form_without_end_is_refused(drive: httpx.AsyncClient) -> None:
    headers = {"X-HTTP-Method-Override": "GET"}
    answer = await drive.post("/drive/v3/files", content=b"q=" + b"x" * 2_000_000, headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
async def test_a_key_cannot_write(drive: httpx.AsyncClient, method: str) -> None:
    assert reason(await drive.request(method, "/drive/v3/files"))[:2] == (401, "required")


@pytest.mark.parametrize(
    "path", ["/", "/drive/v3", "/drive/v3/files/", "/drive/v3/files/a/b", "/drive/v3/filesx"]
)
async def test_what_is_no_method_is_not_found(drive: httpx.AsyncClient, path: str) -> None:
    assert (await drive.get(path)).status_code == 404


async def test_answers_are_indented_unless_told_otherwise(drive: httpx.AsyncClient) -> None:
    params = {"fields": "kind"}
    pretty = await drive.get("/drive/v3/files", params=params)
    assert pretty.text == '{\n  "kind": "drive#fileList"\n}'
    plain = await drive.get("/drive/v3/files", params={**params, "prettyPrint": "false"})
    assert plain.text == '{"kind":"drive#fileList"}'


@pytest.mark.parametrize(("agent", "compressed"), [("me (gzip)", True), ("me", False)])
async def test_json_is_compressed_for_those_who_say_so_twice(
    drive: httpx.AsyncClient, agent: str, compressed: bool
) -> None:
    headers = {"user-agent": agent, "accept-encoding": "gzip"}
    async with drive.stream("GET", "/drive/v3/files", headers=headers) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    assert (gzip.decompress(raw) if compressed else raw).startswith(b"{")


async def test_too_many_parameters_are_refused(drive: httpx.AsyncClient) -> None:
    answer = await drive.get("/drive/v3/files", params={f"a{n}": "1" for n in range(500)})
    assert answer.status_code == 400

"""files.get over HTTP: fields, bytes, ranges, and what is hidden."""

import hashlib
import io

import httpx
import pytest
from PIL import Image

from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import reason


@pytest.fixture
def picture(store: TreeStore, small: Tree) -> File:
    return File(small, small.layout.folders + 1)


@pytest.fixture
def private(store: TreeStore) -> File:
    hostile = store.trees[1]
    files = (File(hostile, ordinal) for ordinal in range(hostile.count))
    return next(file for file in files if file.entry.name == "Private")


async def test_a_file_has_the_fields_that_were_requested(
    drive: httpx.AsyncClient, picture: File
) -> None:
    usual = (await drive.get(f"/drive/v3/files/{picture.id}")).json()
    assert set(usual) == {"kind", "id", "name", "mimeType"}
    fields = "size,parents,imageMediaMetadata(width,height),capabilities/canDownload,modifiedTime"
    some = (await drive.get(f"/drive/v3/files/{picture.id}", params={"fields": fields})).json()
    assert some["size"] == "5000"
    assert some["parents"] == [picture.parent_ids[0]]
    assert some["imageMediaMetadata"].keys() == {"width", "height"}
    assert some["capabilities"] == {"canDownload": True}
    assert some["modifiedTime"].endswith("Z")
    everything = (await drive.get(f"/drive/v3/files/{picture.id}", params={"fields": "*"})).json()
    assert (
        some.items()
        <= {**everything, **{k: some[k] for k in ("imageMediaMetadata", "capabilities")}}.items()
    )
    assert "shortcutDetails" not in everything


async def test_the_checksums_match_the_bytes(drive: httpx.AsyncClient, picture: File) -> None:
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
    drive: httpx.AsyncClient, store: TreeStore, small: Tree
) -> None:
    q = " or ".join(f"'{File(small, folder).id}' in parents" for folder in range(4))
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


async def test_a_range_after_the_end_is_416_with_the_size(
    drive: httpx.AsyncClient, picture: File
) -> None:
    headers = {"range": "bytes=5000-"}
    answer = await drive.get(
        f"/drive/v3/files/{picture.id}", params={"alt": "media"}, headers=headers
    )
    assert reason(answer) == (416, "requestedRangeNotSatisfiable", "Range")
    assert answer.headers["content-range"] == "bytes */5000"


async def test_a_file_of_no_bytes_is_served_and_has_no_range(
    drive: httpx.AsyncClient, store: TreeStore
) -> None:
    hostile = store.trees[1]
    empty = File(hostile, hostile.layout.folders)
    url = f"/drive/v3/files/{empty.id}"
    answer = await drive.get(url, params={"alt": "media"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    ranged = await drive.get(url, params={"alt": "media"}, headers={"range": "bytes=0-99"})
    assert (ranged.status_code, ranged.headers["content-range"]) == (416, "bytes */0")
    facts = (await drive.get(url, params={"fields": "size,md5Checksum,imageMediaMetadata"})).json()
    assert facts == {"size": "0", "md5Checksum": hashlib.md5(b"").hexdigest()}


async def test_head_has_the_length_and_no_body(drive: httpx.AsyncClient, picture: File) -> None:
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
    drive: httpx.AsyncClient, store: TreeStore
) -> None:
    hostile = store.trees[1]
    files = [File(hostile, ordinal) for ordinal in range(hostile.count)]
    document = next(file for file in files if file.entry.name == "a document")
    for file in (files[0], document):
        answer = await drive.get(f"/drive/v3/files/{file.id}", params={"alt": "media"})
        assert reason(answer) == (403, "fileNotDownloadable", "alt")
        facts = (await drive.get(f"/drive/v3/files/{file.id}", params={"fields": "*"})).json()
        assert {"size", "md5Checksum", "webContentLink"}.isdisjoint(facts)


async def test_a_private_file_looks_like_a_missing_one(
    drive: httpx.AsyncClient, store: TreeStore, private: File
) -> None:
    secret = File(private.tree, private.tree.layout.files_in(private.ordinal)[0])
    for file in (private, secret):
        for alt in ("json", "media"):
            answer = await drive.get(f"/drive/v3/files/{file.id}", params={"alt": alt})
            assert reason(answer) == (404, "notFound", "fileId")
    listed = await drive.get("/drive/v3/files", params={"q": f"'{private.id}' in parents"})
    assert reason(listed) == (404, "notFound", "fileId")


async def test_one_bad_parent_among_good_ones_hides_nothing(
    drive: httpx.AsyncClient, store: TreeStore, small: Tree, private: File
) -> None:
    q = f"'{private.id}' in parents or '{File(small, 1).id}' in parents"
    answer = await drive.get("/drive/v3/files", params={"q": q})
    assert len(answer.json()["files"]) == 8


async def test_a_trashed_file_is_still_served(drive: httpx.AsyncClient, store: TreeStore) -> None:
    hostile = store.trees[1]
    files = (File(hostile, ordinal) for ordinal in range(hostile.count))
    trashed = next(file for file in files if file.entry.name == "with its folder.jpg")
    params = {"fields": "trashed,explicitlyTrashed"}
    facts = (await drive.get(f"/drive/v3/files/{trashed.id}", params=params)).json()
    assert facts == {"trashed": True, "explicitlyTrashed": False}

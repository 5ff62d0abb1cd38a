"""What the Drive server of the benchmarks shares."""

import hashlib
import json

import pytest

from bench.drive.server import Drive
from bench.drive.tree import BLOCK, Trees, pieces, virtual_file

LIST = {"q": "'{}' in parents and trashed=false", "fields": "nextPageToken,files(id,name)"}


def content(drive: Drive, file_id: str) -> bytes:
    return b"".join(drive.answer(f"/drive/v3/files/{file_id}", {"alt": "media"}).body)


def described(drive: Drive, item_id: str) -> dict[str, str]:
    answer = drive.answer(f"/drive/v3/files/{item_id}", {"fields": "id"})
    found: dict[str, str] = json.loads(b"".join(answer.body))
    return found


def listed(drive: Drive, folder: str, **query: str) -> list[str]:
    """The ids of a folder, page after page."""
    asked = {**LIST, "q": f"'{folder}' in parents", **query}
    page = json.loads(b"".join(drive.answer("/drive/v3/files", asked).body))
    ids = [each["id"] for each in page["files"]]
    token = page.get("nextPageToken")
    return ids if token is None else ids + listed(drive, folder, **query | {"pageToken": token})


@pytest.mark.parametrize("size", [64, 65, 100_000, BLOCK + 64, 2 * BLOCK + 65])
def test_the_bytes_are_those_of_the_checksums(size: int) -> None:
    drive = Drive()
    drive.trees.add("one", 1, [size], folders=0)
    (file_id,) = drive.trees.files
    said, body = described(drive, file_id), content(drive, file_id)
    assert int(said["size"]) == len(body) == size
    assert said["md5Checksum"] == hashlib.md5(body).hexdigest()
    assert said["sha1Checksum"] == hashlib.sha1(body).hexdigest()
    assert said["sha256Checksum"] == hashlib.sha256(body).hexdigest()


def test_all_files_differ() -> None:
    drive = Drive()
    drive.trees.add("many", 20, [1_000, 2_000], folders=3)
    sums = {described(drive, file_id)["md5Checksum"] for file_id in drive.trees.files}
    assert len(sums) == 20


def test_a_changed_file_has_other_bytes_and_a_newer_version() -> None:
    drive = Drive()
    drive.trees.add("one", 1, [1_000], folders=0)
    (file_id,) = drive.trees.files
    before, body = described(drive, file_id), content(drive, file_id)
    drive.control("/change", {"id": file_id})
    after, changed = described(drive, file_id), content(drive, file_id)
    assert len(changed) == len(body)
    assert changed != body
    assert int(after["version"]) == int(before["version"]) + 1
    assert after["md5Checksum"] == hashlib.md5(changed).hexdigest()


@pytest.mark.parametrize("page_size", ["1", "3", "7", "1000"])
def test_a_folder_is_listed_whole(page_size: str) -> None:
    drive = Drive()
    root = drive.trees.add("tree", 20, [1_000], folders=3)
    below = listed(drive, root, pageSize=page_size)
    assert len(below) == 3
    found = [each for folder in below for each in listed(drive, folder, pageSize=page_size)]
    assert sorted(found) == sorted(drive.trees.files)


def test_a_tree_is_added_once() -> None:
    trees = Trees()
    assert trees.add("x", 2, [64], folders=1) == trees.add("x", 2, [64], folders=1)
    assert len(trees.files) == 2


def test_requests_are_counted_by_kind() -> None:
    drive = Drive()
    root = drive.trees.add("x", 2, [1_000], folders=0)
    for file_id in listed(drive, root):
        content(drive, file_id)
    described(drive, root)
    assert drive.counts == {"list": 1, "media": 2, "media_bytes": 2_000, "get": 1}


def test_a_virtual_file_needs_no_tree() -> None:
    file = virtual_file(1_000, 7)
    body = content(Drive(), file.id)
    assert body == b"".join(pieces(1_000, file.tag))
    assert file.digests()[0] == hashlib.md5(body).hexdigest()


@pytest.mark.parametrize("path", ["/drive/v3/files/nothing", "/drive/v3/about"])
def test_what_is_not_there_is_a_key_error(path: str) -> None:
    with pytest.raises(KeyError):
        Drive().answer(path, {})


def test_what_was_never_asked_is_counted_too() -> None:
    counts = json.loads(b"".join(Drive().control("/counts", {}).body))
    assert counts == {"connections": 0, "list": 0, "get": 0, "media": 0, "media_bytes": 0}

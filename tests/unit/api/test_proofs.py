"""What others' tools read: the manifest and the checksums of an import."""

import asyncio
import csv
import hashlib
import subprocess
from collections.abc import AsyncIterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow
from services.adapters.catalog.views.files import ManifestRow
from services.api.proofs import COLUMNS, checksums, manifest
from services.core.csv_text import FORMULA
from tests.catalog_rows import BEGAN, a_file, an_image, an_import, rows
from tests.unit.api.conftest import SCOPE, Api

MANIFEST = "/imports/import-0001/manifest.csv"
SUMS = "/imports/import-0001/SHA256SUMS"


def stored(number: int, **changes: object) -> FileRow:
    about = {
        "state": "stored",
        "object_key": f"file-{number:04}_0123456789ab_Picture.jpg",
        "stored_size": 5,
        "md5": "b" * 32,
        "sha256": f"{number:064x}",
        "outcome_at": BEGAN,
        "attempts": 1,
        "round": 0,
    }
    return a_file(number, **{**about, **changes})


def fill(api: Api, *files: FileRow) -> None:
    api.catalog.fill(rows(imports=[an_import(1)], files=files))


async def read(api: Api) -> list[dict[str, str]]:
    answer = await api.client.get(MANIFEST)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="manifest.csv"'
    return list(csv.DictReader(StringIO(answer.text, newline="")))


async def lines(api: Api) -> list[str]:
    answer = await api.client.get(SUMS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer.text.splitlines()


async def test_the_manifest_has_every_file_with_its_outcome(api: Api) -> None:
    failed = a_file(2, state="failed", reason="not_found", message="It is gone.", attempts=3)
    skipped = a_file(4, state="skipped", skip_reason="not_an_image", mime_type="text/plain")
    fill(api, stored(1), failed, a_file(3), skipped, stored(5, state="unchanged", sha256=None))
    found = await read(api)
    assert list(found[0]) == list(COLUMNS)
    assert [row["state"] for row in found] == [
        *("stored", "failed", "pending", "skipped", "unchanged")
    ]
    assert found[0] == {
        "google_drive_id": "file-0001",
        "name": "Picture 1.jpg",
        "path": "Holidays/2026",
        "state": "stored",
        "reason": "",
        "message": "",
        "size": "5",
        "mime_type": "image/jpeg",
        "md5": "b" * 32,
        "sha256": f"{1:064x}",
        "object_key": "file-0001_0123456789ab_Picture.jpg",
        "round": "0",
        "attempts": "1",
        "updated_at": "2026-11-23T12:00:00.123456+00:00",
        "content_type": "",
    }
    assert (found[1]["reason"], found[1]["message"]) == ("not_found", "It is gone.")
    assert (found[3]["reason"], found[4]["sha256"]) == ("not_an_image", "")


async def test_an_import_without_files_has_proofs_that_say_so(api: Api) -> None:
    fill(api)
    assert await read(api) == []
    assert (await api.client.get(MANIFEST)).text.strip() == ",".join(COLUMNS)
    assert await lines(api) == ["# The end. 0 listed; 0 stored without a known SHA-256."]


async def test_the_checksums_are_of_what_is_in_the_store(api: Api) -> None:
    fill(api, stored(1), a_file(2), stored(3, state="unchanged"), stored(4, sha256=None))
    assert await lines(api) == [
        f"{1:064x}  file-0001_0123456789ab_Picture.jpg",
        f"{3:064x}  file-0003_0123456789ab_Picture.jpg",
        "# The end. 2 listed; 1 stored without a known SHA-256.",
    ]


async def test_an_object_that_was_not_read_has_the_checksum_of_who_stored_it(api: Api) -> None:
    fill(api, stored(1, state="unchanged", sha256=None), stored(2, state="unchanged", sha256=None))
    keys = [f"file-{n:04}_0123456789ab_Picture.jpg" for n in (1, 3)]
    paths = [f"s3://pictures/{key}" for key in keys]
    of_bytes = {"sha256": "c" * 64, "content_type": "image/png"}
    images = [an_image(n + 1, storage_path=path, **of_bytes) for n, path in enumerate(paths)]
    api.catalog.fill(rows(images=images))
    found = await read(api)
    assert [row["sha256"] for row in found] == ["c" * 64, ""]
    assert [row["content_type"] for row in found] == ["image/png", ""]
    assert [row["mime_type"] for row in found] == ["image/jpeg", "image/jpeg"]
    assert (await lines(api))[0] == f"{'c' * 64}  {keys[0]}"


@pytest.mark.parametrize("address", [MANIFEST, SUMS])
async def test_an_unknown_import_is_not_found(api: Api, address: str) -> None:
    answer = await api.client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_import")


@pytest.mark.parametrize("address", [MANIFEST, SUMS])
async def test_what_breaks_off_is_never_ended(api: Api, address: str) -> None:
    fill(api, *(stored(n) for n in range(6)))
    api.catalog.breaks_after = 2
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {**SCOPE, "path": address, "raw_path": address.encode()}
    await cast(Any, api.app)(scope, asyncio.Queue().get, send)
    assert [message.get("more_body") for message in sent] == [None, True, True]
    assert b"The end" not in b"".join(message.get("body", b"") for message in sent)
    api.catalog.breaks_after = 0
    answer = await api.client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def _pages(*files: ManifestRow) -> AsyncIterator[Sequence[ManifestRow]]:
    for file in files:
        yield [file]


ROW = ManifestRow(
    google_drive_id="-id",
    name="",
    path="",
    state="stored",
    reason=None,
    message=None,
    size=5,
    mime_type="image/jpeg",
    md5=None,
    sha256="a" * 64,
    object_key="k",
    round=0,
    attempts=1,
    updated_at=None,
    content_type=None,
)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)


@given(
    name=NAMES | st.sampled_from(["=1+1", "@x", "\t=1", "'=1", '"=1', "a\r\nb", "\uff1d1", "a,b;c"])
)
async def test_any_name_is_one_harmless_cell_and_can_be_read_back(name: str) -> None:
    text = b"".join([piece async for piece in manifest(_pages(replace(ROW, name=name)))]).decode()
    assert text.endswith("\r\n")
    [head, row] = csv.reader(StringIO(text, newline=""), strict=True)
    assert head == list(COLUMNS)
    assert not [cell for cell in row if cell.startswith(FORMULA)]
    read_back = [cell.removeprefix("'") for cell in row]
    assert read_back[:2] == ["-id", name]


async def test_sha256sum_accepts_any_name(tmp_path: Path) -> None:
    names = ["plain.jpg", " two  spaces ", "*star", "back\\slash", "line\nbreak", "\rreturn", "ä🌄"]
    files = []
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        files.append(replace(ROW, object_key=name, sha256=sha256))
    whole = b"".join([piece async for piece in checksums(_pages(*files))])
    (tmp_path / "SHA256SUMS").write_bytes(whole)
    ended = sha256sum(tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(": OK") == len(names)
    (tmp_path / names[0]).write_bytes(b"other bytes")
    assert sha256sum(tmp_path).returncode == 1


def sha256sum(folder: Path) -> "subprocess.CompletedProcess[str]":
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)

"""The files of an import, its manifest, and what became of each file."""

from datetime import timedelta

import pytest

from services.adapters.catalog.reader import PAGE_ROWS
from services.adapters.catalog.views.files import FileDetails, ManifestRow
from tests.catalog_rows import BEGAN, FOLDER, a_file, an_image, rows
from tests.contract.catalog_reader.conftest import Shelf


async def manifest(shelf: Shelf, *, in_store: bool) -> list[ManifestRow]:
    pages = shelf.catalog.every_file("import-0001", in_store=in_store)
    return [row async for page in pages for row in page]


async def test_every_file_of_an_import_is_in_its_manifest(shelf: Shelf) -> None:
    key, kept = "file-0003_0123456789ab_Picture.jpg", {"stored_size": 9, "md5": "b" * 32}
    stored = a_file(3, state="stored", object_key=key, sha256="a" * 64, outcome_at=BEGAN, **kept)
    skipped = a_file(1, state="skipped", skip_reason="not_an_image")
    failed = a_file(4, state="failed", reason="not_found", message="Gone.", attempts=3, round=2)
    shelf.fill(rows(files=[stored, skipped, failed, a_file(2), a_file(5, import_id="other")]))
    found = await manifest(shelf, in_store=False)
    assert [row.state for row in found] == ["skipped", "pending", "stored", "failed"]
    assert found[0].reason == "not_an_image"
    assert (found[2].size, found[2].md5, found[2].sha256) == (9, "b" * 32, "a" * 64)
    assert (found[2].object_key, found[2].path) == (key, "Holidays/2026")
    assert (found[3].reason, found[3].message, found[3].size) == ("not_found", "Gone.", 1004)
    assert (found[3].attempts, found[3].round) == (3, 2)
    assert await manifest(shelf, in_store=True) == [found[2]]


async def test_an_object_that_was_not_read_has_the_sha256_of_who_stored_it(shelf: Shelf) -> None:
    keys = [f"file-{n:04}_0123456789ab_100%_of_a.jpg" for n in (1, 2)]
    files = [a_file(n + 1, state="unchanged", object_key=key) for n, key in enumerate(keys)]
    same = an_image(
        1, storage_path=f"s3://pictures/{keys[0]}", sha256="c" * 64, content_type="image/png"
    )
    longer = an_image(2, storage_path=f"s3://pictures/x{keys[1]}", sha256="d" * 64)
    shelf.fill(rows(files=files, images=[same, longer]))
    found = await manifest(shelf, in_store=True)
    assert [(row.sha256, row.object_key) for row in found] == [("c" * 64, keys[0]), (None, keys[1])]
    assert [(row.content_type, row.mime_type) for row in found] == [
        ("image/png", "image/jpeg"),
        (None, "image/jpeg"),
    ]


@pytest.mark.parametrize("count", [0, PAGE_ROWS, 2 * PAGE_ROWS + 3])
async def test_a_long_manifest_is_its_pages_together(shelf: Shelf, count: int) -> None:
    shelf.fill(rows(files=[a_file(n) for n in range(count)]))
    ids = [row.google_drive_id for row in await manifest(shelf, in_store=False)]
    assert ids == sorted({f"file-{n:04}" for n in range(count)})


async def test_files_of_an_import_by_state_with_what_became_of_each(shelf: Shelf) -> None:
    later = BEGAN + timedelta(minutes=1)
    shelf.fill(
        rows(
            files=[
                a_file(1),
                a_file(2, state="skipped", skip_reason="not_an_image", mime_type="text/plain"),
                a_file(
                    3,
                    state="failed",
                    reason="not_found",
                    message="It is gone.",
                    attempts=3,
                    round=1,
                    outcome_at=later,
                ),
                a_file(4, state="stored", size=None, stored_size=77, object_key="k", attempts=1),
                a_file(5, import_id="import-0002"),
            ]
        )
    )

    async def files(state: str | None) -> dict[str, tuple[object, ...]]:
        found = await shelf.catalog.import_files("import-0001", state=state, after=None, limit=9)
        assert [f.google_drive_id for f in found] == sorted(f.google_drive_id for f in found)
        return {f.google_drive_id: (f.state, f.reason, f.attempts, f.updated_at) for f in found}

    assert await files("pending") == {"file-0001": ("pending", None, 0, BEGAN)}
    assert await files("skipped") == {"file-0002": ("skipped", "not_an_image", 0, BEGAN)}
    assert await files("failed") == {"file-0003": ("failed", "not_found", 3, later)}
    assert set(await files(None)) == {f"file-{n:04}" for n in (1, 2, 3, 4)}
    for reason, number in (("not_found", 1), ("store_full", 0)):
        found = await shelf.catalog.import_files(
            "import-0001", state="failed", reason=reason, after=None, limit=9
        )
        assert len(found) == number
    [failed] = await shelf.catalog.import_files("import-0001", state="failed", after=None, limit=9)
    assert (failed.message, failed.round, failed.path) == ("It is gone.", 1, "Holidays/2026")
    [stored] = await shelf.catalog.import_files("import-0001", state="stored", after=None, limit=9)
    assert (stored.size, stored.object_key) == (77, "k")


async def test_one_file_of_an_import_is_told_with_the_places_of_its_outcomes(shelf: Shelf) -> None:
    places = ("files.failed/3/000000000000007", "files.stored/3/000000000000009")
    one = {"state": "stored", "topic": "files.stored", "partition": 3, "offset": 9}
    shelf.fill(
        rows(
            files=[
                a_file(1),
                a_file(2, drive_version=5, md5="m", sha256="s", seconds=0.5, attempts=2, **one),
                a_file(3, outcomes=places, **one),
                a_file(4, state="skipped", skip_reason="not_an_image"),
            ]
        )
    )

    async def told(number: int) -> FileDetails:
        file = await shelf.catalog.import_file("import-0001", f"file-{number:04}")
        assert file is not None
        assert file.google_drive_id == f"file-{number:04}"
        return file

    pending, stored, retried, skipped = [await told(number) for number in (1, 2, 3, 4)]
    assert (pending.state, pending.folder_id, list(pending.outcomes)) == ("pending", FOLDER, [])
    assert (stored.drive_version, stored.md5, stored.sha256) == (5, "m", "s")
    assert (stored.seconds, stored.path) == (0.5, "Holidays/2026")
    assert list(stored.outcomes) == ["files.stored/3/9"]
    assert list(retried.outcomes) == list(places)
    assert skipped.reason == "not_an_image"
    for unknown in (("import-0002", "file-0001"), ("import-0001", "file-0009")):
        assert await shelf.catalog.import_file(*unknown) is None


async def test_pages_of_files_hold_every_file_once(shelf: Shelf) -> None:
    shelf.fill(rows(files=[a_file(n) for n in range(5)]))
    seen: list[str] = []
    while page := await shelf.catalog.import_files(
        "import-0001", state="pending", after=seen[-1] if seen else None, limit=2
    ):
        seen += [file.google_drive_id for file in page]
    assert seen == [f"file-{n:04}" for n in range(5)]

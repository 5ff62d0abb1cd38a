"""Imports, the folders of them that failed, and what of one is to be tried again."""

from datetime import timedelta

import pytest

from services.adapters.catalog.rows import FROM_FOUND, FROM_MANIFEST, Rows
from services.adapters.catalog.views.images import (
    ImageFilter,
    ImagePlace,
)
from services.adapters.catalog.views.imports import ImportPlace, RetryFilter
from services.core.errors import SetAside
from tests.catalog_rows import BEGAN, a_file, a_folder, an_import, rows
from tests.contract.catalog_reader.conftest import ALL, Shelf, names


async def test_an_empty_catalog_answers_with_nothing(shelf: Shelf) -> None:
    catalog = shelf.catalog
    await catalog.check()
    assert await names(shelf, ALL) == []
    assert list(await catalog.images(ALL, after=None, limit=5)) == []
    assert await catalog.image("file-0001") is None
    assert list(await catalog.imports(before=None, limit=5)) == []
    assert await catalog.imports_by_id(["import-0001"]) == {}
    files = await catalog.import_files("import-0001", state=None, after=None, limit=5)
    assert list(files) == []


async def test_the_offsets_of_the_indexer_are_those_that_it_wrote(shelf: Shelf) -> None:
    assert await shelf.catalog.consumed_offsets() == {}
    shelf.begin_offsets({("files.stored", 3): ("topic-id", 7)})
    assert await shelf.catalog.consumed_offsets() == {("files.stored", 3): 7}


async def test_an_import_is_read_as_it_was_written(shelf: Shelf) -> None:
    shelf.fill(rows(imports=[an_import(1)]))
    found = (await shelf.catalog.imports_by_id(["import-0001", "nope"]))["import-0001"]
    written = an_import(1)
    assert found.name == written.name
    for name in set(found.__struct_fields__) - {"updated_at", "name"}:
        assert getattr(found, name) == getattr(written, name), name
    assert found.updated_at == written.updated_at
    assert list(await shelf.catalog.imports(before=None, limit=5)) == [found]


async def test_the_folders_name_is_the_imports_name(shelf: Shelf) -> None:
    named, nameless = an_import(1, name="Holidays 🌄"), an_import(2, name=None)
    shelf.fill(rows(imports=[named, nameless]))
    newest, found = await shelf.catalog.imports(before=None, limit=5)
    assert (newest.name, found.name) == (None, "Holidays 🌄")
    assert (await shelf.catalog.imports_by_id(["import-0001"]))["import-0001"] == found


async def test_imports_come_newest_first_page_by_page(shelf: Shelf) -> None:
    same_time = BEGAN + timedelta(minutes=5)
    many = [an_import(n) for n in range(4)]
    many += [an_import(n, requested_at=same_time) for n in (4, 5, 6)]
    shelf.fill(rows(imports=many))
    seen: list[str] = []
    before: ImportPlace | None = None
    while page := await shelf.catalog.imports(before=before, limit=2):
        seen += [row.id for row in page]
        assert page[-1].requested_at is not None
        before = ImportPlace(page[-1].requested_at, page[-1].id)
    assert seen == [f"import-{n:04}" for n in (6, 5, 4, 3, 2, 1, 0)]


async def test_an_import_whose_request_is_unknown_is_in_no_list_but_can_be_asked_for(
    shelf: Shelf,
) -> None:
    shelf.fill(rows(imports=[an_import(1, requested_at=None, folder_id=None, folder_url=None)]))
    assert list(await shelf.catalog.imports(before=None, limit=5)) == []
    assert (await shelf.catalog.imports_by_id(["import-0001"]))["import-0001"].found == 5


async def test_folders_that_could_not_be_listed_are_told_with_the_reason(shelf: Shelf) -> None:
    shelf.fill(
        rows(
            folders=[
                a_folder(3),
                a_folder(1, reason="listing_incomplete", message="Twice cut short."),
                a_folder(2, closed=True),  # listed by a later pass after all
                a_folder(4, reason=None, message=None, failed_at=None),
                a_folder(5, path=()),
                a_folder(6, import_id="import-0002"),
            ]
        )
    )
    ids = ["import-0001", "import-0002", "import-0003"]
    by_import = await shelf.catalog.failed_folders(ids, limit=9)
    found = by_import["import-0001"]
    assert [(f.folder_id, f.path) for f in found] == [
        ("folder-0005", ""),
        ("folder-0001", "Holidays/Part 1"),
        ("folder-0003", "Holidays/Part 3"),
    ]
    assert (found[1].reason, found[1].message) == ("listing_incomplete", "Twice cut short.")
    assert found[1].failed_at == BEGAN + timedelta(seconds=1)
    assert [f.folder_id for f in by_import["import-0002"]] == ["folder-0006"]
    assert by_import["import-0003"] == []
    first = await shelf.catalog.failed_folders(ids, limit=1)
    assert (first["import-0001"], first["import-0002"]) == (found[:1], by_import["import-0002"])
    assert await shelf.catalog.failed_folders([], limit=9) == {}


async def test_imports_that_live_are_those_asked_for_the_newest_and_the_open(shelf: Shelf) -> None:
    states = ["transferring", "completed", "queued", "paused", "cancelled", "failed", "listing"]
    shelf.fill(
        rows(
            imports=[
                *(an_import(number, state=state) for number, state in enumerate(states)),
                an_import(9, state="listing", requested_at=None),  # the request is still to come
            ]
        )
    )

    async def live(*ids: str, newest: int = 0, most_open: int = 0) -> set[int]:
        found = await shelf.catalog.live_imports(ids, newest=newest, most_open=most_open)
        assert all(row.id == id for id, row in found.items())
        return {int(id[-4:]) for id in found}

    assert await live() == set()
    assert await live("import-0003", "import-0001", "nobody-s") == {1, 3}
    assert await live(newest=2) == {5, 6}
    assert await live(most_open=100) == {0, 2, 6, 9}
    assert len(await live(most_open=2)) == 2
    assert await live("import-0001", "import-0002", newest=1, most_open=9) == {0, 1, 2, 6, 9}


def failures() -> Rows:
    """Of import 1: files that failed, of which 3 was never found, and 4 not even listed."""
    gone, slow = {"state": "failed", "reason": "gone"}, {"state": "failed", "reason": "slow"}
    return rows(
        files=[
            a_file(1, **gone, metadata_source=FROM_FOUND),
            a_file(2, **slow, metadata_source=FROM_FOUND),
            a_file(3, **slow, metadata_source=FROM_MANIFEST, folder_id="folder-0009"),
            a_file(4, **slow, metadata_source=0, folder_id=""),
            a_file(5, state="stored"),
            a_file(6),
            a_file(7, **gone, metadata_source=FROM_FOUND, import_id="import-0002"),
        ],
        folders=[
            a_folder(1, reason="gone"),
            a_folder(2, reason="slow"),
            a_folder(3, closed=True),
            a_folder(4, tried_round=0, retry_round=1),  # it is being tried again
            a_folder(5, import_id="import-0002"),
        ],
    )


@pytest.mark.parametrize(
    ("wanted", "files", "folders"),
    [
        (RetryFilter(), [1, 2, 3], [1, 2, 9]),
        (RetryFilter(reason="slow"), [2, 3], [2, 9]),
        (RetryFilter(reason="gone"), [1], [1]),
        (RetryFilter(reason="unheard_of"), [], []),
        (RetryFilter(files=("file-0001", "file-0005", "file-0007", "nope")), [1], []),
        (RetryFilter(files=("file-0003", "file-0004")), [3], [9]),
        (RetryFilter(folders=("folder-0002", "folder-0003", "folder-0005")), [], [2]),
    ],
)
async def test_what_is_to_be_tried_again(
    shelf: Shelf, wanted: RetryFilter, files: list[int], folders: list[int]
) -> None:
    shelf.fill(failures())
    one, catalog = "import-0001", shelf.catalog
    found = await catalog.files_to_retry(one, wanted, after=None, limit=9)
    assert list(found) == [f"file-{n:04}" for n in files]
    found = await catalog.folders_to_retry(one, wanted, after=None, limit=9)
    assert list(found) == [f"folder-{n:04}" for n in folders]


async def test_pages_of_what_is_to_be_tried_again_hold_everything_once(shelf: Shelf) -> None:
    shelf.fill(failures())
    for page_of, ids in (
        (shelf.catalog.files_to_retry, [f"file-{n:04}" for n in (1, 2, 3)]),
        (shelf.catalog.folders_to_retry, [f"folder-{n:04}" for n in (1, 2, 9)]),
    ):
        seen: list[str] = []
        while page := await page_of(
            "import-0001", RetryFilter(), after=seen[-1] if seen else None, limit=2
        ):
            seen += page
        assert seen == ids


async def test_a_value_that_no_text_can_have_is_refused_and_not_a_crash(shelf: Shelf) -> None:
    with pytest.raises(SetAside):
        await shelf.catalog.image("a\x00b")
    with pytest.raises(SetAside):
        await shelf.catalog.import_files("import-0001", state=None, after="\x00", limit=1)
    with pytest.raises(SetAside):
        await names(shelf, ImageFilter(folder_id="\x00"))
    with pytest.raises(SetAside):
        await shelf.catalog.images(ALL, after=ImagePlace("\x00", 1), limit=1)

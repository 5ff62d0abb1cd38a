"""Lists of images: every order of every filter, page by page, their sections and folders."""

from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from services.adapters.catalog.reader import PAGE_ROWS
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.views.images import (
    Image,
    ImageDetails,
    ImageFilter,
    ImageOrder,
)
from tests.catalog_rows import BEGAN, FOLDER, a_file, a_folder, an_image, rows
from tests.contract.catalog_reader.conftest import ALL, NEWEST, Shelf, names, paged
from tests.fakes.catalog import FakeCatalog


async def test_a_picture_is_read_as_it_was_written(shelf: Shelf) -> None:
    shelf.fill(rows(images=[an_image(1, name="Grüße 🌄/\n.jpg", sha256="a" * 64)]))
    found = await shelf.catalog.image("file-0001")
    assert isinstance(found, ImageDetails)
    written = an_image(1)
    assert found.name == "Grüße 🌄/\n.jpg"
    assert found.path == "Holidays/2026"
    assert found.sha256 == "a" * 64
    assert (found.width, found.height, found.drive_version) == (640, 480, 1)
    assert (found.created_at, found.updated_at) == (written.created_at, written.updated_at)
    [listed] = await shelf.catalog.images(ALL, after=None, limit=5)
    assert {n: getattr(found, n) for n in Image.__struct_fields__} == {
        n: getattr(listed, n) for n in Image.__struct_fields__
    }


async def test_pages_hold_every_picture_once_in_both_orders(shelf: Shelf) -> None:
    shelf.fill(rows(images=[an_image(n) for n in range(7)]))
    for newest_first in (False, True):
        wanted = ImageFilter(order="id", descending=newest_first)
        seen = await paged(shelf, wanted, limit=3)
        assert len(seen) == 7
        assert seen == sorted(seen, reverse=newest_first)


@pytest.mark.parametrize("count", [2 * PAGE_ROWS, 2 * PAGE_ROWS + 3])
async def test_the_whole_table_is_the_pages_together(shelf: Shelf, count: int) -> None:
    shelf.fill(rows(images=[an_image(n) for n in range(count)]))
    whole = await names(shelf, ALL)
    assert len(whole) == len(set(whole)) == count
    assert await names(shelf, NEWEST) == whole[::-1]


async def test_no_picture_comes_twice_when_others_are_added_meanwhile(shelf: Shelf) -> None:
    shelf.fill(rows(images=[an_image(n) for n in range(PAGE_ROWS + 5)]))
    for newest_first, added, seen_too in ((False, 10, True), (True, 20, False)):
        pages = shelf.catalog.every_image(NEWEST if newest_first else ALL)
        before = set(await names(shelf, ALL))
        seen = [image.google_drive_id for image in await anext(pages)]
        shelf.fill(rows(images=[an_image(9000 + added)]))
        seen += [image.google_drive_id async for page in pages for image in page]
        assert len(seen) == len(set(seen))
        assert before <= set(seen)
        assert (f"file-{9000 + added}" in seen) == seen_too  # behind the cursor it is missed


async def test_pictures_of_a_folder(shelf: Shelf) -> None:
    shelf.fill(rows(images=[an_image(1), an_image(2, folder_id="other")]))
    assert await names(shelf, ImageFilter(folder_id="other")) == ["file-0002"]
    [image] = await shelf.catalog.images(ImageFilter(folder_id=FOLDER), after=None, limit=9)
    assert image.google_drive_id == "file-0001"


async def test_pictures_of_an_import_are_those_that_it_stored_or_found_unchanged(
    shelf: Shelf,
) -> None:
    states = ["stored", "unchanged", "failed", "pending", "skipped"]
    shelf.fill(
        rows(
            images=[an_image(n) for n in range(6)],
            files=[a_file(n, state=state) for n, state in enumerate(states)],
        )
    )
    wanted = ImageFilter(import_id="import-0001")
    assert sorted(await names(shelf, wanted)) == ["file-0000", "file-0001"]
    page = await shelf.catalog.images(wanted, after=None, limit=9)
    assert {image.google_drive_id for image in page} == {"file-0000", "file-0001"}
    assert await names(shelf, ImageFilter(import_id="import-0002")) == []


def many_images() -> Rows:
    """Ties in every order, and names that only differ in case or behind 200 characters."""
    long = "x" * 200
    names = ["b.jpg", "B.JPG", "a%_.jpg", "A\\'.jpg", "é.jpg", f"{long}2", f"{long}1", "a.jpg"]
    types = ["image/jpeg", "image/png", "image/svg+xml"]
    images = [
        an_image(
            n,
            google_drive_id=f"file-{(n * 7) % 24:04}",
            name=names[n % 8],
            size=n % 3,
            mime_type=types[n % 3],
            content_type=None if n % 4 else types[n // 4 % 3],
            folder_id=f"folder-{n % 2}",
            created_at=BEGAN + timedelta(seconds=n % 4),
        )
        for n in range(24)
    ]
    files = [
        a_file(
            n,
            state=("stored", "unchanged", "failed")[n % 3],
            import_id=f"import-{n % 2:04}",
            outcome_at=BEGAN + timedelta(minutes=n % 5),
        )
        for n in range(24)
    ]
    return rows(images=images, files=files)


IMPORTED = "imported_at"
CONDITIONS = (
    ALL,
    ImageFilter(import_id="import-0001"),
    ImageFilter(folder_id="folder-1"),
    ImageFilter(name="A"),
    ImageFilter(name="a%"),
    ImageFilter(name="x" * 200),
    ImageFilter(content_type="image/svg+xml"),
    ImageFilter(min_size=1),
    ImageFilter(max_size=1),
    ImageFilter(min_size=1, max_size=1),
    ImageFilter(since=BEGAN + timedelta(seconds=2)),
    ImageFilter(until=BEGAN + timedelta(seconds=2)),
    ImageFilter(import_id="import-0000", name="b", max_size=1),
    ImageFilter(folder_id="folder-0", content_type="image/png", since=BEGAN, min_size=0),
    ImageFilter(name="%"),
    ImageFilter(name="' OR true --"),
)


async def test_every_order_of_every_filter_has_each_image_once_whatever_the_page(
    shelf: Shelf,
) -> None:
    filled = many_images()
    shelf.fill(filled)
    expected = FakeCatalog()
    expected.fill(filled)
    for conditions in CONDITIONS:
        orders = [each for each in get_args(ImageOrder) if conditions.import_id or each != IMPORTED]
        for order in (None, *orders):
            for descending in (False, True):
                wanted = replace(conditions, order=order, descending=descending)
                right = [i.id for i in await expected.images(wanted, after=None, limit=99)]
                assert await paged(shelf, wanted, limit=5) == right, wanted
        assert await shelf.catalog.count_images(conditions) == len(right)


async def test_sections_begin_where_pages_of_their_size_do(shelf: Shelf) -> None:
    filled = many_images()
    shelf.fill(filled)
    expected = FakeCatalog()
    expected.fill(filled)
    for conditions in CONDITIONS:
        orders = [each for each in get_args(ImageOrder) if conditions.import_id or each != IMPORTED]
        for order in orders:
            for descending in (False, True):
                wanted = replace(conditions, order=order, descending=descending)
                every = [
                    i.google_drive_id for i in await expected.images(wanted, after=None, limit=99)
                ]
                looked_for = every[-2] if len(every) > 1 else "file-9999"
                found = await shelf.catalog.image_sections(wanted, every=5, image=looked_for)
                assert found.total == len(every), wanted
                assert found.position == (len(every) - 2 if len(every) > 1 else None)
                pages = [await shelf.catalog.images(wanted, after=s, limit=5) for s in found.starts]
                assert [i.google_drive_id for page in pages for i in page] == every, wanted


async def test_no_section_moves_when_an_image_comes_before_the_first(shelf: Shelf) -> None:
    files = [a_file(n, state="stored", outcome_at=BEGAN + timedelta(seconds=n)) for n in range(8)]
    shelf.fill(rows(images=[an_image(n) for n in range(7)], files=files[:7]))
    newest = ImageFilter(import_id="import-0001", order="imported_at", descending=True)
    found = await shelf.catalog.image_sections(newest, every=3, image=None)
    assert (found.total, found.position) == (7, None)
    shelf.fill(rows(images=[an_image(7)], files=files[7:]))
    [first, *_] = [await shelf.catalog.images(newest, after=s, limit=3) for s in found.starts]
    assert [image.google_drive_id for image in first] == ["file-0006", "file-0005", "file-0004"]


async def test_folders_of_an_import_count_the_images_in_them(shelf: Shelf) -> None:
    folders = [
        replace(a_folder(n), path=("Holidays",) * n, closed=n != 2, folder_id=f"folder-{n}")
        for n in range(4)
    ]
    images = [an_image(n, folder_id=f"folder-{n % 3}") for n in range(8)]
    states = ("stored", "unchanged", "stored", "failed")
    files = [a_file(n, state=states[n % 4]) for n in range(8)]
    shelf.fill(rows(folders=folders, images=images, files=files))
    shelf.fill(rows(folders=[replace(folders[0], import_id="import-0002")]))
    found = await shelf.catalog.image_folders("import-0001", after=None, limit=9)
    counts = [("folder-0", 2), ("folder-1", 2), ("folder-2", 2), ("folder-3", 0)]
    assert [(folder.folder_id, folder.images) for folder in found] == counts
    assert [folder.path for folder in found] == [("Holidays",) * n for n in range(4)]
    for id, count in counts:
        wanted = ImageFilter(import_id="import-0001", folder_id=id)
        assert await shelf.catalog.count_images(wanted) == count
    with_those_below = [("folder-0", 6), ("folder-1", 4), ("folder-2", 2), ("folder-3", 0)]
    for id, count in [*with_those_below, ("folder-9", 0)]:
        wanted = ImageFilter(import_id="import-0001", folder_id=id, below=True)
        assert await shelf.catalog.count_images(wanted) == count
        assert len(await shelf.catalog.images(wanted, after=None, limit=9)) == count
        listed = await shelf.catalog.image_sections(wanted, every=9, image=None)
        assert listed.total == count
    page = await shelf.catalog.image_folders("import-0001", after="folder-1", limit=1)
    assert [folder.folder_id for folder in page] == ["folder-2"]
    assert await shelf.catalog.image_folders("import-0003", after=None, limit=9) == []

"""One suite for the catalog's reading side, on the fake and on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy.exc import DBAPIError

from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.read_pool import CONNECTIONS
from services.adapters.catalog.reader import PAGE_ROWS, CatalogReader
from services.adapters.catalog.replica import ReplicatedCatalog
from services.adapters.catalog.rows import FROM_FOUND, FROM_MANIFEST, Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.files import FileDetails, ManifestRow
from services.adapters.catalog.views.images import (
    Image,
    ImageDetails,
    ImageFilter,
    ImageOrder,
    ImagePlace,
)
from services.adapters.catalog.views.imports import ImportPlace, RetryFilter
from services.adapters.catalog.writer import CatalogWriter
from services.core.errors import SetAside, TryAgain
from services.core.settings import Secret
from tests.catalog_rows import BEGAN, FOLDER, a_file, a_folder, an_image, an_import, rows
from tests.fakes.catalog import FakeCatalog

ALL = ImageFilter()
NEWEST = ImageFilter(order="id", descending=True)


@pytest.fixture(scope="module")
def migrated(servers: Mapping[str, str]) -> Iterator[str]:
    """A database of this module's own: made once, where `platform` makes everything every time."""
    name = f"reader_{uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        migrate(_address(url))
        yield url
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def database_url(migrated: str) -> str:
    """Its tables, emptied."""
    with psycopg.connect(migrated, autocommit=True) as admin:
        tables = "images, imports, import_folders, import_files, consumed_offsets"
        admin.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    return migrated


@dataclass
class Shelf:
    """A catalog to read, and a way to put rows into it."""

    catalog: ReadsCatalog
    fill: Callable[[Rows], None]
    begin_offsets: Callable[[Mapping[tuple[str, int], tuple[str, int]]], None]


@pytest.fixture(
    params=[
        "fake",
        pytest.param("real", marks=pytest.mark.real),
        pytest.param("replicated", marks=[pytest.mark.real, pytest.mark.long]),
    ]
)
async def shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    if request.param == "fake":
        fake = FakeCatalog(PAGE_ROWS)
        yield Shelf(fake, fake.fill, fake.consumed.update)
        return
    address = _address(request.getfixturevalue("database_url"))
    reader = CatalogReader(address)
    if request.param == "replicated":
        await reader.close()
        reader = replicated = ReplicatedCatalog(address, address)
        replicated.watch.trouble = None
    with closing(CatalogWriter(address)) as writer:
        yield Shelf(reader, lambda filled: writer.save(Rows(), filled, {}), writer.begin_offsets)
    await reader.close()


def _address(url: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(url))


async def names(shelf: Shelf, wanted: ImageFilter) -> list[str]:
    pages = shelf.catalog.every_image(wanted)
    return [image.google_drive_id async for page in pages for image in page]


async def paged(shelf: Shelf, wanted: ImageFilter, limit: int) -> list[int]:
    """The ids of all pages."""
    seen: list[int] = []
    after: ImagePlace | None = None
    while page := await shelf.catalog.images(wanted, after=after, limit=limit):
        assert len(page) <= limit
        seen += [image.id for image in page]
        after = wanted.place_of(page[-1])
    return seen


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
    same = an_image(1, storage_path=f"s3://pictures/{keys[0]}", sha256="c" * 64)
    longer = an_image(2, storage_path=f"s3://pictures/x{keys[1]}", sha256="d" * 64)
    shelf.fill(rows(files=files, images=[same, longer]))
    found = await manifest(shelf, in_store=True)
    assert [(row.sha256, row.object_key) for row in found] == [("c" * 64, keys[0]), (None, keys[1])]


@pytest.mark.parametrize("count", [0, PAGE_ROWS, 2 * PAGE_ROWS + 3])
async def test_a_long_manifest_is_its_pages_together(shelf: Shelf, count: int) -> None:
    shelf.fill(rows(files=[a_file(n) for n in range(count)]))
    ids = [row.google_drive_id for row in await manifest(shelf, in_store=False)]
    assert ids == sorted({f"file-{n:04}" for n in range(count)})


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
    ImageFilter(mime_type="image/svg+xml"),
    ImageFilter(min_size=1),
    ImageFilter(max_size=1),
    ImageFilter(min_size=1, max_size=1),
    ImageFilter(since=BEGAN + timedelta(seconds=2)),
    ImageFilter(until=BEGAN + timedelta(seconds=2)),
    ImageFilter(import_id="import-0000", name="b", max_size=1),
    ImageFilter(folder_id="folder-0", mime_type="image/png", since=BEGAN, min_size=0),
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


@pytest.mark.real
async def test_more_slow_readers_than_connections_hold_none(database_url: str) -> None:
    reader = CatalogReader(_address(database_url))
    with closing(CatalogWriter(_address(database_url))) as writer:
        writer.save(Rows(), rows(images=[an_image(n) for n in range(2 * PAGE_ROWS)]), {})
    slow = [reader.every_image(ALL) for _ in range(CONNECTIONS * 3)]
    first = await asyncio.gather(*(anext(pages) for pages in slow))
    assert {len(page) for page in first} == {PAGE_ROWS}
    async with asyncio.timeout(10):  # each fetches one page more, and then waits
        while await _busy(database_url):
            await asyncio.sleep(0.02)
    [image] = await reader.images(ALL, after=None, limit=1)
    assert len([image async for page in reader.every_image(ALL) for image in page]) == 2 * PAGE_ROWS
    rest = await asyncio.gather(*(anext(pages) for pages in slow))
    assert image.id < first[0][-1].id < rest[0][0].id
    await reader.close()


async def _busy(url: str) -> int:
    """The api's connections that are in a transaction."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        counted = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'drivestream-api' "
            "AND datname = current_database() AND xact_start IS NOT NULL"
        )
        row = await counted.fetchone()
        return int(row[0]) if row else -1


@pytest.mark.real
async def test_a_server_that_hangs_holds_nobody_for_long(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = "services.adapters.catalog.read_pool.ANSWER_SECONDS"
    reader = CatalogReader(_address(database_url))
    await reader.check()
    with psycopg.connect(database_url) as other, monkeypatch.context() as impatient:
        other.execute("LOCK TABLE imports, images")
        impatient.setattr(patience, 0.2)
        for asked in (reader.check(), reader.images(ALL, after=None, limit=1)):
            with pytest.raises(TryAgain, match="not responding"):
                await asked
    await reader.check()
    assert not await reader.images(ALL, after=None, limit=1)
    await reader.close()


@pytest.mark.real
async def test_a_lost_connection_is_replaced(database_url: str) -> None:
    reader = CatalogReader(_address(database_url))
    await reader.check()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'drivestream-api' AND datname = current_database()"
        )
    await reader.check()
    await reader.close()


WRITES_WHEN_READ = """
CREATE FUNCTION writes() RETURNS boolean LANGUAGE sql VOLATILE AS
    'INSERT INTO consumed_offsets VALUES (''t'', 0, ''t'', 0) RETURNING true';
ALTER TABLE imports RENAME TO kept;
CREATE VIEW imports AS SELECT * FROM kept WHERE writes();
"""
READS_AGAIN = """
DROP VIEW imports;
ALTER TABLE kept RENAME TO imports;
DROP FUNCTION writes();
"""


@pytest.mark.real
async def test_nothing_can_be_written_through_it(database_url: str) -> None:
    reader = CatalogReader(_address(database_url))
    with closing(CatalogWriter(_address(database_url))) as writer:
        writer.save(Rows(), rows(imports=[an_import(1)]), {})
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(WRITES_WHEN_READ)
        try:
            with pytest.raises(DBAPIError, match="read-only transaction"):
                await reader.check()
        finally:
            await reader.close()
            admin.execute(READS_AGAIN)


@pytest.mark.real
async def test_a_database_without_tables_says_what_to_do(database_url: str) -> None:
    empty = database_url.rsplit("/", 1)[0] + "/postgres"
    reader = CatalogReader(_address(empty))
    with pytest.raises(TryAgain, match="drivestream setup") as raised:
        await reader.check()
    assert raised.value.reason == "database_not_ready"
    await reader.close()


@pytest.mark.real
async def test_a_database_that_is_not_there_is_worth_another_attempt(database_url: str) -> None:
    nowhere = database_url.rsplit(":", 1)[0] + ":1/none"  # nothing listens at port 1
    reader = CatalogReader(_address(nowhere))
    with pytest.raises(TryAgain) as raised:
        await reader.check()
    assert raised.value.reason == "database_unavailable"
    with pytest.raises(TryAgain):
        await anext(reader.every_image(ALL))
    await reader.close()

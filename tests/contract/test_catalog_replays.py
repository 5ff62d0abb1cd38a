"""Replays as the catalog tells of them, in memory and on PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.rows import ReplayFileRow, ReplayRow, Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.imports import ImportPlace
from services.adapters.catalog.views.replays import ReplayFile
from services.adapters.catalog.writer import CatalogWriter
from services.core.errors import SetAside
from services.core.settings import Secret
from tests.catalog_rows import BEGAN, a_file, rows
from tests.fakes.catalog import FakeCatalog
from tests.platform import Platform


@dataclass
class Shelf:
    """A catalog to read, and a way to put rows into it."""

    catalog: ReadsCatalog
    fill: Callable[[Rows], None]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    if request.param == "fake":
        fake = FakeCatalog()
        yield Shelf(fake, fake.fill)
        return
    platform: Platform = request.getfixturevalue("platform")
    address = DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))
    reader = CatalogReader(address)
    with closing(CatalogWriter(address)) as writer:
        yield Shelf(reader, lambda filled: writer.save(Rows(), filled, {}))
    await reader.close()


def a_replay(number: int, **changes: object) -> ReplayRow:
    fields: dict[str, object] = {
        "name": f"Incident {number} 🌄",
        "select": {"imports": ["import-0001"], "since": BEGAN.isoformat()},
        "requested_at": BEGAN + timedelta(seconds=number),
        "progress": {"3": (5, 9, BEGAN.isoformat(), True, 3), "4": (0, 2, None, False, 1)},
        "failures": {"not_found": 2},
        "redriven": 4,
    }
    return ReplayRow(id=f"replay-{number}", **{**fields, **changes})  # type: ignore[arg-type]


def replays(*found: ReplayRow) -> Rows:
    return Rows(replays={row.id: row for row in found})


async def test_a_replay_is_read_as_it_was_written(shelf: Shelf) -> None:
    assert await shelf.catalog.replays_by_id(["replay-1"]) == {}
    written = a_replay(1, by="ops", why="It was dark.", most=7, epoch=3)
    shelf.fill(replays(written))
    found = (await shelf.catalog.replays_by_id(["replay-1", "nope"]))["replay-1"]
    for name in set(found.__struct_fields__) - {"progress"}:
        assert getattr(found, name) == getattr(written, name), name
    progress = {name: tuple(part) for name, part in found.progress.items()}
    assert progress == written.progress


async def test_replays_come_newest_first_page_by_page(shelf: Shelf) -> None:
    same = BEGAN + timedelta(minutes=5)
    many = [*(a_replay(n) for n in range(3)), *(a_replay(n, requested_at=same) for n in (3, 4))]
    shelf.fill(replays(*many, a_replay(9, requested_at=None)))
    seen: list[str] = []
    before: ImportPlace | None = None
    while page := await shelf.catalog.replays(before=before, limit=2):
        seen += [row.id for row in page]
        assert page[-1].requested_at is not None
        before = ImportPlace(page[-1].requested_at, page[-1].id)
    assert seen == [f"replay-{n}" for n in (4, 3, 2, 1, 0)]
    assert (await shelf.catalog.replays_by_id(["replay-9"]))["replay-9"].requested_at is None


async def test_what_of_a_replay_has_no_outcome_is_named(shelf: Shelf) -> None:
    files = [
        ReplayFileRow(
            replay_id=replay, import_id=f"import-000{n}", file_id="file-0001", state=state
        )
        for replay, n, state in (
            ("replay-1", 3, "pending"),
            ("replay-1", 1, "pending"),
            ("replay-1", 2, "stored"),
            ("replay-2", 4, "pending"),
        )
    ]
    filled = rows(files=[a_file(1)])
    filled.replay_files |= {(row.replay_id, row.import_id, row.file_id): row for row in files}
    shelf.fill(filled)
    one = ReplayFile(import_id="import-0001", google_drive_id="file-0001", name="Picture 1.jpg")
    three = ReplayFile(import_id="import-0003", google_drive_id="file-0001", name="")
    assert list(await shelf.catalog.pending_of_replay("replay-1", limit=9)) == [one, three]
    assert list(await shelf.catalog.pending_of_replay("replay-1", limit=1)) == [one]
    assert list(await shelf.catalog.pending_of_replay("replay-3", limit=9)) == []


async def test_a_value_that_no_text_can_have_is_refused(shelf: Shelf) -> None:
    with pytest.raises(SetAside):
        await shelf.catalog.replays_by_id(["a\x00b"])
    with pytest.raises(SetAside):
        await shelf.catalog.pending_of_replay("a\x00b", limit=1)

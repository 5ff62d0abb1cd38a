"""One suite for what the recovery reads, on the fakes and on a real PostgreSQL and Kafka."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.rows import (
    OPEN,
    PARKED,
    FolderRow,
    ReplayFileRow,
    ReplayRow,
    Rows,
)
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.unfinished import (
    PAGE,
    ReadsUnfinished,
    UnfinishedItem,
    UnfinishedReader,
)
from services.adapters.catalog.views.replays import ReplayState
from services.adapters.catalog.writer import CatalogUnavailableError, CatalogWriter
from services.core.settings import Secret
from tests.catalog_rows import BEGAN, FOLDER, a_file, a_folder, an_import, rows
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.fakes.unfinished import FakeUnfinished

IMPORT = "import-0001"
PARKED_REASON = "download_quota_exceeded"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def migrated(servers: Mapping[str, str]) -> Iterator[str]:
    """A database of this module's own."""
    name = f"unfinished_{uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        migrate(_address(url))
        yield url
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def database_url(migrated: str) -> str:
    """Its tables, emptied."""
    tables = "images, imports, import_folders, import_files, replays, replay_files"
    tables += ", consumed_offsets"
    with psycopg.connect(migrated, autocommit=True) as admin:
        admin.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    return migrated


def _address(url: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(url))


@dataclass
class Shelf:
    """What is read, and ways to fill it."""

    catalog: ReadsUnfinished
    fill: Callable[[Rows], None]
    begin_offsets: Callable[[Mapping[tuple[str, int], tuple[str, int]]], None]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    if request.param == "fake":
        database = FakeDatabase()
        fake = FakeCatalogWriter(database)
        yield Shelf(
            FakeUnfinished(database), lambda r: fake.save(Rows(), r, {}), fake.begin_offsets
        )
        return
    address = _address(request.getfixturevalue("database_url"))
    with closing(UnfinishedReader(address)) as reader, closing(CatalogWriter(address)) as writer:
        yield Shelf(reader, lambda r: writer.save(Rows(), r, {}), writer.begin_offsets)


def test_imports_that_are_neither_paused_nor_ended_are_open(shelf: Shelf) -> None:
    states = ["queued", "listing", "transferring", "paused", "completed", "cancelled", "failed"]
    imports = [an_import(n, state=state) for n, state in enumerate(states)]
    unknown = an_import(9, requested_at=None)
    many = [an_import(n, state="transferring") for n in range(10, PAGE + 20)]
    shelf.fill(rows(imports=[*imports, unknown, *many]))
    found = {row.id: row for row in shelf.catalog.open_imports()}
    assert found == {row.id: row for row in [*imports[:3], unknown, *many]}


def test_the_root_of_an_import_is_the_folder_without_a_path(shelf: Shelf) -> None:
    folder = FolderRow(import_id="import-0001", folder_id="root", closed=True)
    others = [
        replace(folder, folder_id="inside", path=("Inside",)),
        replace(folder, folder_id="a-named", closed=False, retry_round=2),
        replace(folder, folder_id="another", import_id="import-0002", closed=False),
    ]
    shelf.fill(rows(folders=[folder, *others]))
    roots = [shelf.catalog.root_folder(f"import-000{n}") for n in (1, 2, 3)]
    assert roots == ["root", "another", None]


def test_open_replays_wait_for_more_than_the_files_of_paused_imports(shelf: Shelf) -> None:
    states: list[ReplayState] = ["planned", "running", "paused", "completed", "failed", "cancelled"]
    replays = [
        ReplayRow(id=f"replay-{state}", state=state, requested_at=BEGAN, parts=2)
        for state in states
    ]
    replays += [replace(replays[1], id="replay-unknown", requested_at=None)]
    replays += [
        replace(replays[1], id=f"replay-{name}", parts_done=2)
        for name in ("waits", "lost", "of an unknown import")
    ]
    files = [("waits", 1, "pending"), ("lost", 1, "pending"), ("lost", 2, "pending")]
    files += [("waits", 2, "stored"), ("of an unknown import", 3, "pending")]
    found = rows(imports=[an_import(1, control="paused"), an_import(2, control="resumed")])
    found.replays = {row.id: row for row in replays}
    for name, job, state in files:
        row = ReplayFileRow(
            replay_id=f"replay-{name}", import_id=f"import-{job:04}", file_id="f", state=state
        )
        found.replay_files[row.replay_id, row.import_id, row.file_id] = row
    shelf.fill(found)
    opened = {row.id: row for row in shelf.catalog.open_replays()}
    expected = ("planned", "running", "lost", "of an unknown import")
    assert opened == {f"replay-{name}": found.replays[f"replay-{name}"] for name in expected}


def test_parked_imports_have_ended_long_enough_ago_and_not_too_long(shelf: Shelf) -> None:
    parked = {"state": "completed_with_failures", "failures": {PARKED_REASON: 1, "not_found": 2}}
    shelf.fill(
        rows(
            imports=[
                an_import(1, **parked, finished_at=BEGAN),
                an_import(2, **parked, finished_at=BEGAN + 2 * DAY),
                an_import(3, **parked, finished_at=BEGAN, requested_at=BEGAN - 20 * DAY),
                an_import(4, **{**parked, "state": "cancelled"}, finished_at=BEGAN),
                an_import(5, **{**parked, "failures": {"not_found": 2}}, finished_at=BEGAN),
                an_import(6, **{**parked, "state": "transferring"}),
            ]
        )
    )
    found = shelf.catalog.parked_imports(BEGAN + DAY, 14 * DAY)
    assert [row.id for row in found] == [IMPORT]


def test_pending_files_are_those_that_were_found(shelf: Shelf) -> None:
    shelf.fill(
        rows(
            files=[
                a_file(1),
                a_file(2, listed=False, retry_round=3),  # only named by a retry
                a_file(3, state="stored", outcome_at=BEGAN),
                a_file(4, listed=False, outcome_at=BEGAN, reason="x", retry_round=2),
                a_file(5, import_id="another"),
            ]
        )
    )
    found = shelf.catalog.pending_files(IMPORT, "")
    assert found == [UnfinishedItem("file-0001", 0), UnfinishedItem("file-0004", 2)]
    assert shelf.catalog.pending_files(IMPORT, "file-0001") == found[1:]


def test_a_page_is_bounded_and_the_next_one_goes_on_behind_it(shelf: Shelf) -> None:
    shelf.fill(rows(files=[a_file(n) for n in range(PAGE + 2)]))
    first = shelf.catalog.pending_files(IMPORT, "")
    second = shelf.catalog.pending_files(IMPORT, first[-1].id)
    assert (len(first), len(second)) == (PAGE, 2)
    assert shelf.catalog.pending_files(IMPORT, second[-1].id) == []


def test_parked_files_are_those_that_google_withholds(shelf: Shelf) -> None:
    shelf.fill(
        rows(
            files=[
                a_file(1, state="failed", reason=PARKED_REASON, retry_round=2),
                a_file(2, state="failed", reason="not_found"),
                a_file(3, state="pending", reason=PARKED_REASON),
                a_file(4, state="failed", reason=PARKED_REASON, import_id="another"),
            ]
        )
    )
    assert shelf.catalog.parked_files(IMPORT, "") == [UnfinishedItem("file-0001", 2)]


def test_a_folder_is_open_until_it_was_tried_in_the_newest_round(shelf: Shelf) -> None:
    done = {"tried_round": 0, "failed_at": None}
    shelf.fill(
        rows(
            folders=[
                a_folder(1, tried_round=-1, failed_at=None),
                a_folder(2, tried_round=0, closed=True, failed_at=None),
                a_folder(3, tried_round=1, retry_round=2),
                a_folder(4, **done, closed=True),
                a_folder(5, **done, closed=True),
            ],
            files=[
                a_file(1, folder_id="folder-0004"),
                a_file(2, folder_id="folder-0005", state="stored", outcome_at=BEGAN),
                a_file(3, folder_id=FOLDER),  # not a folder of this import
            ],
        )
    )
    path = ("Holidays", "Part 1")
    found = shelf.catalog.open_folders(IMPORT, "")
    assert [item.id for item in found] == ["folder-0001", "folder-0003"]
    assert found[0] == UnfinishedItem("folder-0001", 0, path)
    unfinished = ["folder-0001", "folder-0003", "folder-0004"]
    assert shelf.catalog.unfinished_folders(IMPORT, "") == unfinished
    assert shelf.catalog.unfinished_folders(IMPORT, "folder-0003") == unfinished[2:]


def test_the_newest_round_is_that_of_any_import_and_of_this_one_s_files(shelf: Shelf) -> None:
    assert shelf.catalog.newest_round(IMPORT) == 0
    shelf.fill(rows(imports=[an_import(1, round=1), an_import(2, round=4)]))
    assert shelf.catalog.newest_round(IMPORT) == 4
    shelf.fill(rows(files=[a_file(1, tried_round=7), a_file(2, import_id="x", tried_round=9)]))
    assert shelf.catalog.newest_round(IMPORT) == 7


def test_the_offsets_of_the_indexer_are_those_that_it_wrote(shelf: Shelf) -> None:
    shelf.begin_offsets({("files.stored", 3): ("topic-id", 7)})
    assert shelf.catalog.read_up_to() == {("files.stored", 3): 7}


def test_a_database_that_is_away_is_named_as_such() -> None:
    nowhere = _address("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(CatalogUnavailableError):
        UnfinishedReader(nowhere)
    database = FakeDatabase()
    database.available = False
    with pytest.raises(CatalogUnavailableError):
        FakeUnfinished(database)


@pytest.mark.real
@pytest.mark.parametrize("condition", [OPEN, PARKED])
def test_among_many_imports_an_index_finds_the_few(database_url: str, condition: str) -> None:
    address = _address(database_url)
    ended = [an_import(n, state="completed", finished_at=BEGAN) for n in range(3_000)]
    with closing(CatalogWriter(address)) as writer:
        writer.save(Rows(), rows(imports=ended), {})
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("ANALYZE imports")
        plan = database.execute(f"EXPLAIN SELECT * FROM imports WHERE {condition}".encode())
        text = "\n".join(line for (line,) in plan)
    assert "Seq Scan" not in text
    assert "imports_open" in text or "imports_parked" in text

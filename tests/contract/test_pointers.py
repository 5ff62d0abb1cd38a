"""The rows that point to objects, as PostgreSQL gives them: in the byte order of keys, whatever its
collation is."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing

import psycopg
import pytest
from msgspec.structs import replace

from services.adapters.catalog import pointers
from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.pointers import PointerReader, Row, Running
from services.adapters.catalog.rows import FileRow, Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogUnavailableError, CatalogWriter
from services.core.errors import Stop
from services.core.settings import Secret
from services.verifying.comparing import rows
from tests.catalog_rows import BEGAN, an_image, an_import
from tests.contract.test_catalog_writer import a_database

pytestmark = pytest.mark.real
KEYS = ["B_1", "B-1", "a_1", "A_1", "_x", "é", "z", "\U0001f305", "a/b", "a b", "a!b", "aé"]


def a_file(import_id: str, key: str, **changes: object) -> FileRow:
    row = FileRow(
        import_id=import_id,
        file_id=f"id {key}",
        state="stored",
        object_key=key,
        stored_size=7,
        md5="m",
        sha256="s",
        outcome_at=BEGAN,
        round=0,
    )
    return replace(row, **changes)


@pytest.fixture(scope="module")
def settings(servers: Mapping[str, str]) -> Iterator[DatabaseSettings]:
    """Of a database of its own, with the rows below."""
    with a_database(servers) as url:
        settings = DatabaseSettings(url=Secret(url))
        migrate(settings)
        with closing(CatalogWriter(settings)) as writer:
            writer.begin_offsets({("files.stored", 3): ("topic-id", 7)})
            writer.save(Rows(), some_rows(), {})
        yield settings


def some_rows() -> Rows:
    files = [a_file(id, key) for id in ("i-1", "i-2") for key in KEYS[:-1]]
    files += [
        a_file("i-1", "failed", state="failed", reason="not_found"),
        a_file("i-1", "pending", state="pending", outcome_at=None),
        a_file("i-2", "none", object_key=None),
    ]
    images = [
        an_image(n, google_drive_id=f"id {key}", storage_path=f"s3://pictures/{key}", size=7)
        for n, key in enumerate(KEYS)
    ]
    images.append(an_image(100, storage_path="s3://pictures-2/elsewhere"))
    imports = [
        an_import(1, id="i-1", state="completed"),
        an_import(2, id="i-2", state="listing"),
        an_import(3, id="i-3", state="cancelled"),
        an_import(4, id="i-4", state="paused"),
    ]
    return Rows(
        imports={row.id: row for row in imports},
        files={(row.import_id, row.file_id): row for row in files},
        images={row.google_drive_id: row for row in images},
    )


@pytest.fixture
def reader(settings: DatabaseSettings) -> Iterator[PointerReader]:
    with closing(PointerReader(settings, "pictures")) as reader:
        yield reader


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
def test_all_rows_come_in_the_byte_order_of_their_keys_whatever_a_page_holds(
    reader: PointerReader, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(pointers, "PAGE", page)
    ordered = sorted(KEYS, key=str.encode)
    expected = [
        (key, id) for key in ordered for id in ("", "i-1", "i-2") if not id or key != KEYS[-1]
    ]
    assert [(row.key, row.import_id) for row in rows(reader)] == expected
    after = [(row.key, row.import_id) for row in rows(reader, after="a b")]
    assert after == [each for each in expected if each[0] > "a b"]
    of_one = [(row.key, row.import_id) for row in rows(reader, only_import="i-2")]
    assert of_one == [each for each in expected if each[1] == "i-2"]


def scans(settings: DatabaseSettings) -> Mapping[str, int]:
    """How often each table was read from its start to its end. A session adds what it has read at
    its end, which comes a little later than that of its client; so none may be left."""
    query = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'public'"
    left = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    until = time.monotonic() + 60
    with psycopg.connect(settings.url.reveal(), autocommit=True) as connection:
        while connection.execute(left).fetchone() != (0,):
            assert time.monotonic() < until, "a session does not end"
            time.sleep(0.02)
        return {name: int(count) for name, count in connection.execute(query)}


def test_all_pages_together_cost_one_scan_of_each_table(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a scan for each page, the time would grow with the square of the rows."""
    monkeypatch.setattr(pointers, "PAGE", 1)
    before = scans(settings)
    with closing(PointerReader(settings, "pictures")) as reader:
        assert len([*rows(reader)]) > 2 * len(KEYS)
    after = scans(settings)
    assert {table: after[table] - before[table] for table in ("images", "import_files")} == {
        "images": 1,
        "import_files": 1,
    }


def test_a_lost_connection_costs_no_row(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pointers, "PAGE", 5)
    with closing(PointerReader(settings, "pictures")) as reader:
        whole = [*rows(reader)]
        found = [*reader.page(("", ""))]
        with psycopg.connect(settings.url.reveal(), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'drivestream-verify'"
            )
        with pytest.raises(CatalogUnavailableError):
            reader.page((found[-1].key, found[-1].import_id))
        while page := reader.page((found[-1].key, found[-1].import_id)):
            found += page
    assert found == whole


def test_a_row_says_what_was_recorded_of_the_bytes(reader: PointerReader) -> None:
    found = [row for row in reader.page(("", "")) if row.key == "z"]
    md5 = "9e107d9d372bb6826bd81d3542a419d6"
    assert found[0] == Row("z", "", "id z", 7, md5, None)
    assert found[1:] == [Row("z", id, "id z", 7, "m", "s") for id in ("i-1", "i-2")]


def test_every_row_counts_that_points_to_a_key_in_whatever_state(reader: PointerReader) -> None:
    asked = [*KEYS, "failed", "pending", "nobody's", "elsewhere"]
    assert reader.pointed_to(asked) == {*KEYS, "failed", "pending"}
    assert reader.pointed_to([]) == set()


def test_what_runs_what_is_known_and_what_lies_elsewhere(reader: PointerReader) -> None:
    assert reader.running() == [
        Running("import", "i-2", "listing"),
        Running("import", "i-4", "paused"),
    ]
    assert reader.known(["i-1", "i-9"]) == {"i-1"}
    assert (reader.elsewhere(), reader.expected()) == (1, len(KEYS))
    assert reader.expected("i-2") == len(KEYS) - 1
    assert reader.read_up_to() == {("files.stored", 3): 7}


def test_a_connection_that_is_lost_is_replaced(
    reader: PointerReader, settings: DatabaseSettings
) -> None:
    assert reader.running()
    with psycopg.connect(settings.url.reveal(), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND application_name = 'drivestream-verify'"
        )
    with pytest.raises(CatalogUnavailableError):
        reader.running()
    assert reader.running()


def test_nothing_can_be_written_and_missing_tables_are_said(
    servers: Mapping[str, str], reader: PointerReader
) -> None:
    with pytest.raises(CatalogUnavailableError, match="read-only"):
        reader._rows("UPDATE imports SET state = 'completed'", {})
    with a_database(servers) as url:
        empty = PointerReader(DatabaseSettings(url=Secret(url)), "pictures")
        with closing(empty), pytest.raises(Stop, match="Run `drivestream setup`"):
            empty.page(("", ""))

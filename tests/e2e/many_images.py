"""An import of 100,000 images, as rows alone: to copy so many files would take an hour."""

import psycopg
from psycopg.types.json import Jsonb

from services.adapters.catalog.rows import FolderRow, ImportRow
from tests.catalog_rows import BEGAN

IMAGES = 100_000
FOLDERS = 40
IMPORT = "import-of-many"
HOSTILE = ("<img src=x onerror=alert(1)>.jpg", "\u202egpj.elif", "x" * 5_000 + ".jpg")
FILL = (
    f"""
    INSERT INTO images (google_drive_id, name, size, mime_type, storage_path, created_at, folder_id,
        path, metadata_at, drive_version, fetched, updated_at, width, height)
    SELECT 'many-' || n, (ARRAY['IMG_', 'Beach ', 'scan'])[n % 3 + 1] || n || '.jpg',
        n * 7919 % 20000000, CASE WHEN n % 50 = 0 THEN 'image/png' ELSE 'image/jpeg' END,
        's3://pictures/' || n, timestamptz '2026-01-01Z' + n * interval '1 minute',
        'many-folder-' || n % {FOLDERS}, '{{}}', now(), 1, true, now(),
        (ARRAY[4000, 3000, 3000, 6000])[n % 4 + 1], (ARRAY[3000, 4000, 3000, 2000])[n % 4 + 1]
    FROM generate_series(1, {IMAGES}) AS n
    """,
    f"""
    INSERT INTO import_files (import_id, file_id, state, listed, name, mime_type, size, folder_id,
        path, metadata_source, outcomes, tried_round, retry_round, outcome_at)
    SELECT '{IMPORT}', google_drive_id, 'stored', true, name, mime_type, size, folder_id, '{{}}', 3,
        '{{}}', 0, 0, created_at FROM images WHERE google_drive_id LIKE 'many-%'
    """,
    "ANALYZE images, import_files",
)


def fill(database: psycopg.Connection) -> str:
    """The id of the import."""
    for statement in FILL:
        database.execute(statement.encode())
    newest = "UPDATE images SET name = %s WHERE google_drive_id = %s"
    for number, name in enumerate(HOSTILE):
        database.execute(newest, (name, f"many-{IMAGES - number}"))
    one = ImportRow(
        id=IMPORT,
        state="completed",
        name="Many",
        folder_id="many-folder-0",
        folder_url="https://drive.google.com/drive/folders/many-folder-0",
        requested_at=BEGAN,
        updated_at=BEGAN,
        finished_at=BEGAN,
        found=IMAGES,
        stored=IMAGES,
        folders_found=FOLDERS,
        folders_listed=FOLDERS,
    )
    insert(database, "imports", one)
    for number in range(FOLDERS):
        path = () if number == 0 else ("Summer", f"Day {number}") if number > 1 else ("Summer",)
        id = f"many-folder-{number}"
        folder = FolderRow(import_id=IMPORT, folder_id=id, path=path, closed=True)
        insert(database, "import_folders", folder)
    return IMPORT


def insert(database: psycopg.Connection, table: str, row: ImportRow | FolderRow) -> None:
    """As the indexer writes it."""
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    adapted = {
        name: Jsonb(value)
        if isinstance(value, dict)
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }
    names = ", ".join(adapted)
    places = ", ".join(f"%({name})s" for name in adapted)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), adapted)

"""An import of which 5,000 files failed for one reason, as rows alone."""

import psycopg

from services.adapters.catalog.rows import ImportRow
from tests.catalog_rows import BEGAN
from tests.e2e.many_images import insert

FAILED = 5_000
IMPORT = "import-of-failures"
FILL = f"""
    INSERT INTO import_files (import_id, file_id, state, listed, name, mime_type, size, folder_id,
        path, metadata_source, outcomes, tried_round, retry_round, outcome_at, round, attempts,
        reason, message)
    SELECT '{IMPORT}', 'failed-' || n, 'failed', true, 'lost-' || n || '.jpg', 'image/jpeg', n,
        'folder', '{{}}', 3, '{{}}', 0, 0, now(), 0, 1, 'gone', 'The file was deleted.'
    FROM generate_series(1, {FAILED}) AS n
"""


def fill(database: psycopg.Connection) -> str:
    """The id of the import."""
    database.execute(FILL.encode())
    one = ImportRow(
        id=IMPORT,
        state="completed_with_failures",
        name="Lost",
        folder_id="folder",
        requested_at=BEGAN,
        updated_at=BEGAN,
        finished_at=BEGAN,
        found=FAILED,
        failed=FAILED,
        failures={"gone": FAILED},
        folders_found=1,
        folders_listed=1,
    )
    insert(database, "imports", one)
    return IMPORT

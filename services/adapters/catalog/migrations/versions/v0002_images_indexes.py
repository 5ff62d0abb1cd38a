"""Indexes for each filter and order of images. They are made while the tables are in use."""

from collections.abc import Mapping

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = {
    "images_name": 'images (lower("left"(name, 200)) COLLATE "C", id)',
    "images_type": 'images ("left"(mime_type, 200), id)',
    "images_size": "images (size, id)",
    "images_created": "images (created_at, id)",
    "import_files_stored": """import_files (import_id, file_id)
        WHERE state IN ('stored', 'unchanged')""",
    "import_files_imported": """import_files (import_id, outcome_at, file_id)
        WHERE state IN ('stored', 'unchanged')""",
}
HALF_MADE = """
SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        make_indexes(INDEXES)


def make_indexes(indexes: Mapping[str, str]) -> None:
    """In an autocommit block."""
    connection = op.get_bind()
    for name, on in indexes.items():
        # An upgrade that was killed leaves an index which PostgreSQL writes and never reads.
        if connection.exec_driver_sql(HALF_MADE, (name,)).scalar():
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
        connection.exec_driver_sql(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")
    # Only then does PostgreSQL know how many names begin like another.
    connection.exec_driver_sql("ANALYZE images")

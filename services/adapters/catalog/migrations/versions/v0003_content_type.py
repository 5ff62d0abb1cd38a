"""What an image is by its bytes, and the index of the filter on that in place of Drive's word.

Events of before have no such type, so rows of before need none: they are as a rebuild makes them.
"""

import time

from alembic import op
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from services.adapters.catalog.migrations.versions.v0002_images_indexes import make_indexes

revision = "0003"
down_revision = "0002"

COLUMN = "ALTER TABLE images ADD COLUMN IF NOT EXISTS content_type TEXT"
INDEX = {"images_content_type": 'images ("left"(coalesce(content_type, mime_type), 200), id)'}
LOCK_MS = 400
"""How long the column waits for readers, and new ones for the column. Below PostgreSQL's deadlock
timeout (1 s), so that no reader is ever chosen as the victim."""
TRIES, PAUSE_SECONDS = 300, 1.0
"""A scan of all images keeps the column waiting, for some minutes at most."""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _add_column()
        make_indexes(INDEX)
        op.get_bind().exec_driver_sql("DROP INDEX CONCURRENTLY IF EXISTS images_type")


def _add_column() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_MS}ms'")
    for tries_left in reversed(range(TRIES)):
        try:
            connection.exec_driver_sql(COLUMN)
            break
        except OperationalError as why:
            if not tries_left or not isinstance(why.orig, LockNotAvailable):
                raise
        time.sleep(PAUSE_SECONDS)
    connection.exec_driver_sql("RESET lock_timeout")

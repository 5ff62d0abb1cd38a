"""The catalog. Until the first release these are the tables of today.

The release freezes them: `metadata.create_all` is replaced by the SQL that a test keeps in
`tests/unit/adapters/golden/tables.sql`, before `rows.py` changes and 0002 is added.
"""

from alembic import op

from services.adapters.catalog.rows import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())

"""The tables, made from the rows (`rows.py`). The migrations make the same ones, which a test says.

Rows are folds of events (`services/indexer`), so each row also keeps what its next merge needs to
be compared with. All times come from events.
"""

from collections.abc import Mapping
from datetime import datetime
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow, OffsetRow

TYPES: Mapping[Any, TypeEngine[Any]] = {
    str: sa.Text(),
    Literal: sa.Text(),
    int: sa.BigInteger(),
    float: sa.Double(),
    bool: sa.Boolean(),
    datetime: sa.DateTime(timezone=True),
    tuple: sa.ARRAY(sa.Text),
    dict: JSONB(),
}
SMALL = {"attempts", "epoch", "height", "metadata_source", "partition", "round", "width"}
"""Columns of 32 bits; other whole numbers have 64."""


metadata = sa.MetaData()


def _table(name: str, row: type[Struct], key: tuple[str, ...], *more: SchemaItem) -> sa.Table:
    columns = []
    for column, hint in get_type_hints(row).items():
        nullable = NoneType in get_args(hint)
        kind = get_args(hint)[0] if nullable else get_origin(hint) or hint
        sql_type = sa.Integer() if column in SMALL else TYPES[kind]
        columns.append(sa.Column(column, sql_type, nullable=nullable, primary_key=column in key))
    return sa.Table(name, metadata, *columns, *more)


images = _table(
    "images",
    ImageRow,
    (),
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.UniqueConstraint("google_drive_id"),
    sa.Index("images_folder", "folder_id", "id"),
)
imports = _table("imports", ImportRow, ("id",), sa.Index("imports_newest", "requested_at", "id"))
import_folders = _table("import_folders", FolderRow, ("import_id", "folder_id"))
import_files = _table(
    "import_files",
    FileRow,
    ("import_id", "file_id"),
    sa.Index("import_files_state", "import_id", "state", "file_id"),
    sa.Index("import_files_file", "file_id"),
)
consumed_offsets = _table("consumed_offsets", OffsetRow, ("topic", "partition"))
TABLES = {ImageRow: images, ImportRow: imports, FolderRow: import_folders, FileRow: import_files}

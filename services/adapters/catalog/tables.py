"""The tables, made from the rows (`rows.py`). The migrations make the same ones, which a test says.

Rows are folds of events (`services/indexer`), so each row also keeps what its next merge needs to
be compared with. All times come from events.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow, OffsetRow

TYPES: Mapping[Any, TypeEngine[Any]] = {
    str: Text(),
    Literal: Text(),
    int: BigInteger(),
    float: Double(),
    bool: Boolean(),
    datetime: DateTime(timezone=True),
    tuple: ARRAY(Text),
    dict: JSONB(),
}
SMALL = {"attempts", "epoch", "height", "metadata_source", "partition", "round", "width"}
"""Columns of 32 bits; other whole numbers have 64."""


def _columns(row: type[Struct], *key: str) -> Iterator[Column[Any]]:
    for name, hint in get_type_hints(row).items():
        nullable = NoneType in get_args(hint)
        kind = get_args(hint)[0] if nullable else get_origin(hint) or hint
        column_type = Integer() if name in SMALL else TYPES[kind]
        yield Column(name, column_type, nullable=nullable, primary_key=name in key)


metadata = MetaData()
images = Table(
    "images",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    *_columns(ImageRow),
    UniqueConstraint("google_drive_id"),
    Index("images_folder", "folder_id", "id"),
)
imports = Table(
    "imports", metadata, *_columns(ImportRow, "id"), Index("imports_newest", "requested_at", "id")
)
import_folders = Table("import_folders", metadata, *_columns(FolderRow, "import_id", "folder_id"))
import_files = Table(
    "import_files",
    metadata,
    *_columns(FileRow, "import_id", "file_id"),
    Index("import_files_state", "import_id", "state", "file_id"),
    Index("import_files_file", "file_id"),
)
consumed_offsets = Table("consumed_offsets", metadata, *_columns(OffsetRow, "topic", "partition"))
TABLES: Mapping[type[Struct], Table] = {
    ImageRow: images,
    ImportRow: imports,
    FolderRow: import_folders,
    FileRow: import_files,
}

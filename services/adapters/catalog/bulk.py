"""Many rows at once: loaded by their keys, and written with COPY."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TypeVar

import msgspec
import psycopg
from msgspec import Struct
from msgspec.structs import astuple
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Table

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow
from services.adapters.catalog.tables import images

Cursor = psycopg.Cursor[dict[str, object]]
Row = TypeVar("Row", FileRow, FolderRow, ImageRow, ImportRow)
NUL = "\x00"
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def select(
    cursor: Cursor, table: Table, row: type[Row], keys: Sequence[tuple[object, ...]]
) -> list[Row]:
    """The rows of these keys, as far as they exist."""
    if not keys:
        return []
    cursor.execute(_select(table, row), [list(values) for values in zip(*keys, strict=True)])
    return [msgspec.convert(found, row) for found in cursor]


def upsert(cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
    """COPY into a temporary table, then one insert that overwrites: the fold has merged already."""
    if not rows:
        return
    stage, fill, overwrite = _upsert(table, type(rows[0]))
    cursor.execute(stage)
    with cursor.copy(fill) as copy:
        for row in rows:
            copy.write_row([_value(value) for value in astuple(row)])
    cursor.execute(overwrite)


@cache
def _select(table: Table, row: type[Struct]) -> bytes:
    names = _key_columns(table)
    arrays = sql.SQL(", ").join(
        sql.SQL("{}::{}[]").format(sql.Placeholder(), sql.SQL(str(table.c[name].type)))
        for name in names
    )
    query = sql.SQL("SELECT {} FROM {} t JOIN unnest({}) AS k({}) USING ({})").format(
        sql.SQL(", ").join(sql.Identifier("t", name) for name in row.__struct_fields__),
        sql.Identifier(table.name),
        arrays,
        _listed(names),
        _listed(names),
    )
    return query.as_bytes()


@cache
def _upsert(table: Table, row: type[Struct]) -> tuple[bytes, bytes, bytes]:
    """Make the temporary table, fill it, and take it over into the table."""
    columns, keys = row.__struct_fields__, _key_columns(table)
    target, staged = sql.Identifier(table.name), sql.Identifier(f"staged_{table.name}")
    listed = _listed(columns)
    stage = sql.SQL(
        "CREATE TEMPORARY TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS "
        "SELECT {} FROM {} WITH NO DATA"
    ).format(staged, listed, target)
    fill = sql.SQL("COPY {} ({}) FROM STDIN").format(staged, listed)
    setters = sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name))
        for name in columns
        if name not in keys
    )
    overwrite = sql.SQL(
        "INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) DO UPDATE SET {}"
    ).format(target, listed, listed, staged, _listed(keys), setters)
    return stage.as_bytes(), fill.as_bytes(), overwrite.as_bytes()


def _key_columns(table: Table) -> Sequence[str]:
    """What identifies a row to the fold: for images the Drive id, not the surrogate."""
    if table is images:
        return ["google_drive_id"]
    return [column.name for column in table.primary_key]


def _listed(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _value(value: object) -> object:
    """A column's value, as COPY takes it."""
    convert = _CONVERTED.get(type(value))
    return value if convert is None else convert(value)


def _text(value: str) -> str:
    """PostgreSQL's text cannot hold NUL, which a file's name can."""
    return value.replace(NUL, "\ufffd") if NUL in value else value


def _time(value: datetime) -> datetime:
    """What is in year 10,000 in UTC, Python could not read again."""
    return value if EARLIEST <= value <= LATEST else min(max(value, EARLIEST), LATEST)


@lru_cache(maxsize=1024)  # all files of a folder share a path
def _array(values: tuple[str, ...]) -> str:
    quoted = (_text(v).replace("\\", "\\\\").replace('"', '\\"') for v in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


_CONVERTED: Mapping[type, Callable[..., object]] = {
    str: _text,
    datetime: _time,
    tuple: _array,
    dict: Jsonb,
}

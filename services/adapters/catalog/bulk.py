"""Many rows at once: loaded by their keys, and written with COPY."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import msgspec
import psycopg
from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import ARRAY, DateTime, Table
from sqlalchemy.dialects.postgresql import JSONB

from services.adapters.catalog.rows import TABLES, Key, Row, Rows, images

Cursor = psycopg.Cursor[dict[str, object]]
Packed = Sequence[tuple[type[Any], Sequence[bytes]]]
"""Kinds of rows, each with its rows as COPY takes them."""
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
ROWS_A_WRITE = 1_000
_ESCAPED = re.compile(rb"\\(?:u[0-9a-f]{4}|.)")
encode = msgspec.json.encode


def select(cursor: Cursor, row: type[Row], keys: Collection[Key]) -> dict[Key, Row]:
    """The rows of these keys, as far as they exist."""
    return ask(cursor, row, keys)()


def ask(cursor: Cursor, row: type[Row], keys: Collection[Key]) -> Callable[[], dict[Key, Row]]:
    """As `select`, whose rows are made once they are called for: by then the connection may be at
    something else, on another thread. The cursor must not."""
    if not keys:
        return dict
    table = TABLES[row]
    names = _key_columns(table)
    arrays = ", ".join(f"%s::{table.c[name].type}[]" for name in names)
    query = (
        f"SELECT {_listed(row.__struct_fields__)} FROM {table.name} "
        f"JOIN unnest({arrays}) AS k({_listed(names)}) USING ({_listed(names)})"
    )
    columns = zip(*keys, strict=True) if len(names) > 1 else [keys]
    # Values in binary form cost both sides less, times above all.
    cursor.execute(query.encode(), [_text_array(column) for column in columns], binary=True)
    key_of: Any = attrgetter(*names)  # one value, or a tuple of several, as keys are

    def answer() -> dict[Key, Row]:
        rows = (msgspec.convert(found, row) for found in cursor)
        return {key_of(found): found for found in rows}

    return answer


def pack(before: Rows, after: Rows) -> Packed:
    """What changed. Pure, so it can be done while the connection is at something else.

    Neighbours share pages of the indexes, so rows are written in the order of their keys. Images
    are not: they are numbered as they are written, and listed in that order.
    """
    packed: list[tuple[type[Any], Sequence[bytes]]] = []
    for name in Rows.__struct_fields__:
        known, rows = getattr(before, name), getattr(after, name)
        keys = rows if name == images.name else sorted(rows)
        changed = [rows[key] for key in keys if rows[key] is not known.get(key)]
        if changed:
            packed.append((type(changed[0]), lines_of(changed)))
    return packed


def upsert(cursor: Cursor, row: type[Row], lines: Sequence[bytes]) -> None:
    """COPY what changed into a temporary table, then one insert that overwrites: the fold has
    merged already."""
    fields, table = row.__struct_fields__, TABLES[row]
    columns, keys = _listed(fields), _key_columns(table)
    staged = f"staged_{table.name}"
    stage = (
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ON COMMIT DELETE ROWS AS "
        f"SELECT {columns} FROM {table.name} WITH NO DATA; "
        f"DELETE FROM {staged}"  # a rebuild saves several batches in one transaction
    )
    changes = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in fields if name not in keys)
    overwrite = (
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {staged} "
        f"ON CONFLICT ({_listed(keys)}) DO UPDATE SET {changes}"
    )
    cursor.execute(stage.encode())
    _copy(cursor, staged, columns, lines)
    cursor.execute(overwrite.encode())


def copy_rows(cursor: Cursor, table: str, rows: Sequence[Struct]) -> None:
    """COPY rows of one kind, none of which the table holds yet."""
    if rows:
        _copy(cursor, table, _listed(rows[0].__struct_fields__), lines_of(rows))


def lines_of(rows: Sequence[Struct]) -> Sequence[bytes]:
    """Rows of one kind as COPY takes them, some of them in each."""
    begins = range(0, len(rows), ROWS_A_WRITE)
    return [b"".join(map(_line, rows[begin : begin + ROWS_A_WRITE])) for begin in begins]


def _copy(cursor: Cursor, table: str, columns: str, lines: Sequence[bytes]) -> None:
    statement = rf"COPY {table} ({columns}) FROM STDIN (FORMAT csv, ESCAPE '\', NULL 'null')"
    with cursor.copy(statement.encode()) as copy:
        for some in lines:
            copy.write(some)


def _key_columns(table: Table) -> Sequence[str]:
    """What identifies a row to the fold: for images the Drive id, not the surrogate."""
    if table is images:
        return ["google_drive_id"]
    return [column.name for column in table.primary_key]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _line(row: Struct) -> bytes:
    """A row in CSV. A JSON array nearly is a line of it, and msgspec writes one in less than
    half of psycopg's time. The escapes of JSON must go, but those of quotes and backslashes."""
    values = list(astuple(row))
    for place, convert in _conversions(type(row)):
        if values[place] is not None:
            values[place] = convert(values[place])
    line = encode(values)[1:-1] + b"\n"
    return _ESCAPED.sub(_unescaped, line) if b"\\" in line else line


def _text_array(values: Collection[Any]) -> str:
    """As PostgreSQL writes it. A JSON array of texts is one, but for its brackets and escapes, and
    psycopg would take longer for each value than for all else that is asked."""
    line = b"{" + encode(list(values))[1:-1] + b"}"
    return (_ESCAPED.sub(_unescaped, line) if b"\\" in line else line).decode()


def _unescaped(found: re.Match[bytes]) -> bytes:
    """PostgreSQL's text cannot hold NUL, which a file's name can."""
    character: str = msgspec.json.decode(b'"' + found[0] + b'"')
    return found[0] if character in '"\\' else character.replace("\x00", "\ufffd").encode()


@cache
def _conversions(row: type[Struct]) -> Sequence[tuple[int, Callable[..., object]]]:
    """Of which places of its tuple, and how."""
    kinds = [type(TABLES[row].c[name].type) for name in row.__struct_fields__]
    return [(place, _CONVERTED[kind]) for place, kind in enumerate(kinds) if kind in _CONVERTED]


def _time(value: datetime) -> datetime:
    """What is in year 10,000 in UTC, Python could not read again."""
    return value if EARLIEST <= value <= LATEST else min(max(value, EARLIEST), LATEST)


@lru_cache(maxsize=1024)  # all files of a folder share a path
def _array(values: tuple[str, ...]) -> str:
    quoted = (v.replace("\\", "\\\\").replace('"', '\\"') for v in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


_CONVERTED: Mapping[type, Callable[..., object]] = {
    DateTime: _time,
    ARRAY: _array,
    JSONB: lambda value: encode(value).decode(),
}

"""Tables beside those in use, alike in all but their rows. SQL of a generation.

What an operator has added to the tables, such as an index or a right to read, comes along.
"""

from collections.abc import Iterator
from typing import LiteralString

from services.adapters.catalog.bulk import Cursor

CONSTRAINTS: LiteralString = """
SELECT conname AS name, format(
    'ALTER TABLE %%I.%%I ADD CONSTRAINT %%I %%s',
    %(into)s::text, relname, conname, pg_get_constraintdef(c.oid)) AS statement
FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relname = ANY(%(tables)s)
AND contype IN ('p', 'u', 'x')
"""
# PostgreSQL writes the table's name with its schema, and this replaces the schema.
INDEXES: LiteralString = """
SELECT i.relname AS name, replace(
    pg_get_indexdef(i.oid),
    format(' ON %%I.%%I USING ', %(schema)s::text, t.relname),
    format(' ON %%I.%%I USING ', %(into)s::text, t.relname)) AS statement
FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_class t ON t.oid = indrelid
WHERE t.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND t.relname = ANY(%(tables)s)
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid)
"""
MISSING: LiteralString = """
SELECT name, statement FROM wanted
WHERE to_regclass(format('%%I.%%I', %(into)s::text, name)) IS NULL ORDER BY statement
"""
GRANTS: LiteralString = """
SELECT format(
    'GRANT %%s ON %%I.%%I TO %%s%%s', privilege_type, %(into)s::text, relname,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
FROM pg_class, aclexplode(relacl)
WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relname = ANY(%(tables)s)
AND grantee <> relowner
"""
VIEWS: LiteralString = """
SELECT DISTINCT v.relname AS name FROM pg_depend d
JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class v ON v.oid = r.ev_class JOIN pg_class t ON t.oid = d.refobjid
WHERE t.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND t.relname = ANY(%(tables)s)
"""


class Clone:
    """Of `tables` in `schema`, into another schema."""

    def __init__(self, schema: str, into: str) -> None:
        self._names = {"schema": schema, "into": into}

    def make(self, cursor: Cursor, tables: list[str]) -> None:
        """Without rows, constraints and indexes."""
        schema, into = quoted(self._names["schema"]), quoted(self._names["into"])
        for table in tables:
            like = f"LIKE {schema}.{table} INCLUDING ALL EXCLUDING INDEXES"
            cursor.execute(f"CREATE TABLE {into}.{table} ({like})".encode())

    def missing_indexes(self, cursor: Cursor, tables: list[str]) -> list[tuple[str, str]]:
        """Names and statements of constraints and indexes that the copies lack."""
        query = f"WITH wanted AS ({CONSTRAINTS} UNION ALL {INDEXES}) {MISSING}"
        found = cursor.execute(query.encode(), {**self._names, "tables": tables})
        return [(str(row["name"]), str(row["statement"])) for row in found]

    def grant(self, cursor: Cursor, tables: list[str]) -> None:
        """To each role what it may do with the original."""
        for row in cursor.execute(GRANTS, {**self._names, "tables": tables}).fetchall():
            cursor.execute(str(row["statement"]).encode())

    def views(self, cursor: Cursor, tables: list[str]) -> Iterator[str]:
        """The views that read the originals."""
        for row in cursor.execute(VIEWS, {**self._names, "tables": tables}):
            yield str(row["name"])


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

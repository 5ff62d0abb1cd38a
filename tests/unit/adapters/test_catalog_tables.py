"""The catalog's tables are pinned, so that nobody changes them without a migration. On a real
PostgreSQL, `tests/contract/test_image_indexes.py` compares them with what the migrations make."""

from pathlib import Path

from sqlalchemy import create_mock_engine
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.sql.ddl import ExecutableDDLElement

from services.adapters.catalog.rows import metadata

GOLDEN = Path(__file__).parent / "golden" / "tables.sql"


def test_the_tables_are_those_of_the_golden_file() -> None:
    statements: list[str] = []

    def collect(statement: ExecutableDDLElement, *_: object) -> None:
        written = str(statement.compile(dialect=postgres.dialect))
        statements.append("\n".join(line.strip() for line in written.strip().splitlines()))

    postgres: MockConnection = create_mock_engine("postgresql+psycopg://", collect)
    metadata.create_all(postgres, checkfirst=False)
    expected = GOLDEN.read_text().split(";\n")
    assert sorted(statements) == sorted(filter(None, expected))

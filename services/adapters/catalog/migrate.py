"""The database to this version's tables, with Alembic. Running it again changes nothing.

A migration that only a rebuild can complete says why, in a module attribute:

    needs_rebuild = "images have a new column, which only the log can fill"

That becomes a comment on the table of offsets, so it lasts until a rebuild replaces the table.
"""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.adapters.catalog.connection import Session
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import PASSING, VERSION, refuse_newer, unavailable
from services.core.errors import Stop

LOCK = 0x64726976655F6D31  # two set-ups at once wait for each other
LOCK_SECONDS = 0.2
MIGRATIONS = Path(__file__).parent / "migrations"
WHY = "SELECT obj_description(to_regclass('consumed_offsets'), 'pg_class')"


def engine(settings: DatabaseSettings) -> Engine:
    session = Session(settings, connect_timeout="10", application_name="drivestream-setup")
    return create_engine("postgresql+psycopg://", creator=session.connect)


def migrate(
    settings: DatabaseSettings, migrations: Path = MIGRATIONS, version: str = VERSION
) -> tuple[str | None, str]:
    """Migrate; the revision before and after. Raises `CatalogUnavailableError`, and `Stop` for a
    database that a newer version has migrated."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    database = engine(settings)
    try:
        with database.connect() as connection:
            _lock(connection)
            before = MigrationContext.configure(connection).get_current_revision()
            refuse_newer(before)
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, version)
            if before is not None:  # tables without rows need no rebuild
                _mark(connection, ScriptDirectory.from_config(config), before, version)
                connection.commit()
        return before, version
    except SQLAlchemyError as why:
        cause = getattr(why, "orig", None) or why
        if not isinstance(cause, PASSING):  # no right to make tables, or no schema to make them in
            said = f"PostgreSQL did not create the tables: {unavailable(cause)}."
            raise Stop("tables_refused", said) from why
        raise unavailable(cause) from why
    finally:
        database.dispose()


def why_rebuild(settings: DatabaseSettings) -> str | None:
    """Why the tables must be built again, if a migration said so and no rebuild was made since."""
    database = engine(settings)
    try:
        with database.connect() as connection:
            return connection.execute(text(WHY)).scalar()
    except SQLAlchemyError as why:
        raise unavailable(getattr(why, "orig", None) or why) from why
    finally:
        database.dispose()


def _lock(connection: Connection) -> None:
    """Until the connection ends. To make an index concurrently, PostgreSQL waits for every
    statement that began before, so another set-up must not wait here in a statement."""
    asked = text("SELECT pg_try_advisory_lock(:lock)")
    while not connection.execute(asked, {"lock": LOCK}).scalar():
        connection.commit()
        time.sleep(LOCK_SECONDS)
    connection.commit()


def _mark(connection: Connection, scripts: ScriptDirectory, before: str, after: str) -> None:
    scripted = reversed(list(scripts.iterate_revisions(after, before)))
    new = [getattr(script.module, "needs_rebuild", None) for script in scripted]
    reasons = [connection.execute(text(WHY)).scalar(), *new]
    comment = "; ".join(filter(None, reasons)).replace("'", "''")
    if comment:
        connection.exec_driver_sql(f"COMMENT ON TABLE consumed_offsets IS '{comment}'")

"""The database to this version's tables, with Alembic. Running it again changes nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import VERSION, refuse_newer, unavailable

LOCK = 0x64726976655F6D31  # two set-ups at once wait for each other


def engine(settings: DatabaseSettings) -> Engine:
    parameters = settings.parameters(connect_timeout="10")
    return create_engine("postgresql+psycopg://", connect_args=parameters)


def migrate(settings: DatabaseSettings) -> tuple[str | None, str]:
    """Migrate; the revision before and after. Raises `CatalogUnavailableError`, and `Stop` for a
    database that a newer version has migrated."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    database = engine(settings)
    try:
        with database.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            before = MigrationContext.configure(connection).get_current_revision()
            refuse_newer(before)
            config.attributes["connection"] = connection
            command.upgrade(config, VERSION)
        return before, VERSION
    except SQLAlchemyError as why:
        raise unavailable(getattr(why, "orig", None) or why) from why
    finally:
        database.dispose()

"""The database to this version's schema, with Alembic. Running it again changes nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogUnavailableError

LOCK = 0x64726976655F6D31  # two set-ups at once wait for each other


def engine(settings: DatabaseSettings) -> Engine:
    """A synchronous engine on psycopg."""
    url = settings.url.reveal()
    return create_engine(
        f"postgresql+psycopg://{url.split('://', 1)[1]}", connect_args={"connect_timeout": 10}
    )


def migrate(settings: DatabaseSettings) -> tuple[str | None, str | None]:
    """Migrate; the revision before and after. Raises `CatalogUnavailableError`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    database = engine(settings)
    try:
        with database.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            before = MigrationContext.configure(connection).get_current_revision()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, ScriptDirectory.from_config(config).get_current_head()
    except SQLAlchemyError as why:
        raise CatalogUnavailableError(str(why).split("\n")[0]) from why
    finally:
        database.dispose()

"""Whether the tables in a database are the ones that this version reads and writes."""

from services.adapters.catalog.errors import CatalogUnavailableError
from services.core.errors import Stop

VERSION = "0001"
"""The newest migration. Revisions are numbers of four digits, so they compare as text."""


def refuse_newer(found: str | None) -> None:
    if found is not None and found > VERSION:
        raise Stop(
            "schema_newer",
            f"The database has tables of version {found}, and this service knows those up to "
            f"{VERSION}. It writes nothing there: run the newer version of Drivestream.",
        )


def refuse_other(found: str | None) -> None:
    """Also raise `CatalogUnavailableError` for older tables, or none."""
    refuse_newer(found)
    if found != VERSION:
        raise CatalogUnavailableError(
            f"the database has tables of version {found or 'none'}, not {VERSION}: "
            "run `drivestream setup`"
        )

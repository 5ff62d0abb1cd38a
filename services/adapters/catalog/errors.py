"""What the catalog's writing side raises; texts of the drivers are made ours here."""

from sqlalchemy.exc import DBAPIError


class CatalogUnavailableError(Exception):
    """PostgreSQL did not answer, or the connection broke: connect again, read the offsets again."""


class OvertakenError(Exception):
    """The offsets in the database are not the ones that this batch starts from."""


def unavailable(why: Exception) -> CatalogUnavailableError:
    """The error with the first line of what the driver said. It holds no secret: no driver is
    given an address to quote (`settings.py`)."""
    said = why.orig if isinstance(why, DBAPIError) and why.orig else why
    return CatalogUnavailableError(str(said).strip().split("\n")[0] or type(said).__name__)

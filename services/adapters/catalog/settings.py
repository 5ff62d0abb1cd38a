"""Where PostgreSQL is."""

from dataclasses import dataclass

from services.core.settings import Reader, Secret


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """PostgreSQL. The address holds a password, so it is a secret."""

    url: Secret

    @classmethod
    def read(cls, reader: Reader) -> "DatabaseSettings":
        """From DATABASE_URL."""
        return cls(url=Secret(reader.url("DATABASE_URL", ("postgresql", "postgres"))))

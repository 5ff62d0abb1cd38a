"""`python -m services.api`: read the settings, make the parts, serve until told to stop."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
import uvloop

from services.adapters.catalog.reader import CatalogReader
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.logs import configure_logs
from services.adapters.object_urls import ObjectUrls
from services.api.known import KnownImports
from services.api.serve import listening, serve
from services.api.service import Parts, create_app
from services.api.settings import ApiSettings
from services.api.tail import Tail
from services.core.settings import (
    DatabaseSettings,
    KafkaSettings,
    Reader,
    SettingsError,
    StoreSettings,
    read_settings,
)

PUBLISH_SECONDS = 8.0


@dataclass(frozen=True)
class Settings:
    """Everything that the api is told."""

    api: ApiSettings
    kafka: KafkaSettings
    store: StoreSettings
    database: DatabaseSettings

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        """From the environment."""
        return cls(
            ApiSettings.read(reader),
            KafkaSettings.read(reader),
            StoreSettings.read(reader),
            DatabaseSettings.read(reader),
        )


async def run(settings: Settings, listener: socket.socket) -> None:
    """Serve on the socket until a signal ends it."""
    catalog = CatalogReader(settings.database)
    tail = Tail(lambda: LogReader(settings.kafka, client_id="drivestream-api"), KnownImports())
    urls = ObjectUrls(settings.store, lambda: datetime.now(UTC))
    try:
        async with Publisher(settings.kafka, source="api", timeout=PUBLISH_SECONDS) as publisher:
            parts = Parts(publisher=publisher, catalog=catalog, tail=tail, urls=urls)
            await serve(create_app(parts), listener)
    finally:
        await catalog.close()


def main(env: Mapping[str, str]) -> int:
    """0 after a signal; 1 if the address is taken; 2 if the settings are at fault."""
    try:
        settings = read_settings(env, Settings.read)
    except SettingsError as why:
        sys.stderr.write(f"The settings are not complete:\n{why}\n")
        return 2
    configure_logs("api")
    try:
        listener = listening(settings.api.host, settings.api.port)
    except OSError as why:
        structlog.get_logger().error(
            "api.cannot_listen", host=settings.api.host, port=settings.api.port, why=why.strerror
        )
        return 1
    uvloop.run(run(settings, listener))
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))

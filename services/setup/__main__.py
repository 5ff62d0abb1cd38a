"""`python -m services.setup`: wait for the servers, make what is missing, say what was made."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import Topics, TopicsChangedError
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.store.bucket import Bucket
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop
from services.core.settings import Reader, SettingsError, read_settings
from services.setup.service import Provisioner, set_up


def provisioners(reader: Reader) -> list[Provisioner]:
    """One for each server that the settings name."""
    kafka = KafkaSettings.read(reader)
    store = StoreSettings.read(reader)
    database = DatabaseSettings.read(reader)
    return [
        Provisioner("Kafka", kafka.bootstrap_servers, lambda: _topics(Topics(kafka))),
        Provisioner("the object store", store.address, lambda: Bucket(store).create()),
        Provisioner("PostgreSQL", "DATABASE_URL", lambda: _tables(database)),
    ]


def _topics(topics: Topics) -> str:
    made = topics.create()
    return f"topics made: {', '.join(made)}" if made else "all topics are there"


def _tables(settings: DatabaseSettings) -> str:
    before, after = migrate(settings)
    if before == after:
        return f"the database is at version {after}"
    return f"the database went from version {before or 'none'} to {after}"


def main(env: Mapping[str, str], read: Callable[[Reader], Sequence[Provisioner]]) -> int:
    """0 when all is there, 1 when a server refuses, 2 when the settings are at fault."""
    try:
        servers = read_settings(env, read, warn=_say)
        asyncio.run(set_up(servers, say=_say))
    except SettingsError as why:
        _say(f"The settings are not complete:\n{why}")
        return 2
    except (Stop, TopicsChangedError) as why:
        _say(str(why))
        return 1
    return 0


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main(os.environ, provisioners))

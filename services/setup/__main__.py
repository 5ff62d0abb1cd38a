"""`python -m services.setup`: make what is missing on every server, and say what was made.

All servers are provisioned at the same time. One that does not answer yet is waited for; what one
refuses ends the set-up at once.
"""

import asyncio
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.adapters.catalog.migrate import migrate, why_rebuild
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogUnavailableError
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.process import while_read
from services.adapters.store.bucket import StoreUnavailableError, create_bucket
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop
from services.core.settings import Reader, SettingsError, read_settings

EXPLAINED_AFTER_SECONDS = 15.0
"""A server that is starting does not answer, and there is nothing to explain."""
NUMBERED = re.compile(r".*\[Errno -?\d+\] ", re.DOTALL)
REBUILD = "Run `drivestream rebuild-index`. Until then, the old tables are used."


class Provisioner(NamedTuple):
    """`provision` makes what is missing on one server, and says what it did."""

    server: str
    address: str
    provision: Callable[[], str]


def provisioners(reader: Reader) -> list[Provisioner]:
    kafka = KafkaSettings.read(reader)
    store = StoreSettings.read(reader)
    database = DatabaseSettings.read(reader)
    return [
        Provisioner("Kafka", kafka.bootstrap_servers, lambda: _topics(Topics(kafka))),
        Provisioner("the object store", store.address, lambda: create_bucket(store)),
        Provisioner("PostgreSQL", "DATABASE_URL", lambda: _tables(database)),
    ]


def _topics(topics: Topics) -> str:
    made = topics.create()
    return f"topics created: {', '.join(made)}" if made else "all topics exist"


def _tables(settings: DatabaseSettings) -> str:
    before, after = migrate(settings)
    said = f"the database was upgraded from version {before or 'none'} to {after}"
    if before == after:
        said = f"the database is at version {after}"
    why = why_rebuild(settings)
    return f"{said}. The tables must be rebuilt: {why}. {REBUILD}" if why else said


async def set_up(
    servers: Sequence[Provisioner], *, say: Callable[[str], None], wait: float = 3.0
) -> None:
    await asyncio.gather(*(_until_done(server, say, wait) for server in servers))


async def _until_done(on: Provisioner, say: Callable[[str], None], wait: float) -> None:
    began = time.monotonic()
    while True:
        try:
            say(f"{on.server}: {await asyncio.to_thread(on.provision)}")
            return
        except (KafkaUnavailableError, StoreUnavailableError, CatalogUnavailableError) as why:
            because = ", which is not ready yet."
            if time.monotonic() - began >= EXPLAINED_AFTER_SECONDS:
                because = f": {NUMBERED.sub('', str(why))}"
            say(f"Waiting for {on.server} at {on.address}{because}")
            await asyncio.sleep(wait)


def main(env: Mapping[str, str], read: Callable[[Reader], Sequence[Provisioner]]) -> int:
    """0 when all is there, 1 when a server refuses, 2 when the settings are at fault."""
    # We say what is waited for; urllib3 would warn of each attempt, with the number of an error.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    try:
        servers = read_settings(env, read, warn=_say)
        asyncio.run(set_up(servers, say=_say))
    except SettingsError as why:
        _say(f"The settings are not valid:\n{why}")
        return 2
    except Stop as why:
        _say(str(why))
        return 1
    return 0


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _leave(*_signal: object) -> None:
    """At once, although a thread may still ask a server: each step can be repeated."""
    os.write(2, b"Interrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _leave)
    raise SystemExit(while_read(lambda: main(os.environ, provisioners)))

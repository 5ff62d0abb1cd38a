"""`python -m services.indexer`: facts into rows."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

import structlog

from services.adapters.catalog.writer import CatalogWriter
from services.adapters.kafka.admin import Topics, wait_for_topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.logs import configure_logs
from services.core.errors import Stop
from services.core.settings import (
    DatabaseSettings,
    KafkaSettings,
    Reader,
    SettingsError,
    read_settings,
)
from services.core.topics import DEAD_LETTERS
from services.indexer.service import CONSUMED, Outside, run


def _settings(reader: Reader) -> tuple[KafkaSettings, DatabaseSettings]:
    return KafkaSettings.read(reader), DatabaseSettings.read(reader)


async def _serve(kafka: KafkaSettings, database: DatabaseSettings) -> None:
    log = structlog.get_logger("indexer")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    waiting = asyncio.create_task(
        wait_for_topics(kafka, [t.name for t in (*CONSUMED, DEAD_LETTERS)], log.warning)
    )
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((waiting, stopped), return_when=asyncio.FIRST_COMPLETED)
    if stopping.is_set():
        waiting.cancel()
        return
    topics = Topics(kafka)
    async with Publisher(kafka, source="indexer") as publisher:
        outside = Outside(
            open_reader=lambda: LogReader(kafka, client_id="drivestream-indexer"),
            open_writer=lambda: CatalogWriter(database),
            topic_ids=topics.ids,
            publisher=publisher,
            say=log.warning,
        )
        await run(outside, stopping)
    stopped.cancel()


def main(env: Mapping[str, str]) -> int:
    """0 after a stop that was asked for, 1 when the log is not the database's, 2 for settings."""
    configure_logs("indexer")
    try:
        kafka, database = read_settings(env, _settings)
        asyncio.run(_serve(kafka, database))
    except SettingsError as why:
        sys.stderr.write(f"The settings are not complete:\n{why}\n")
        return 2
    except Stop as why:
        structlog.get_logger("indexer").error("stopped", reason=why.reason, message=why.message)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(os.environ))

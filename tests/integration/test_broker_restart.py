"""What a handle knows of a broker is old once that was restarted."""

import asyncio
import time

import pytest

from local.run.start import temporary_data_dir
from services.adapters.kafka.backlog import Backlog
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import FILES_FOUND
from tests.fire.servers import restartable_servers
from tests.platform import emptied

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(300)]
LIMIT = 60.0
RESTARTS = 2


async def test_the_backlog_of_a_group_is_known_again_after_the_broker_was_restarted() -> None:
    """A replay publishes no faster than the transfers follow, so it stood still for ever when the
    broker refused its questions, asked by an old leader epoch."""
    with (
        temporary_data_dir() as folder,
        restartable_servers(folder) as servers,
        emptied(servers.settings) as platform,
    ):
        settings = KafkaSettings.read(Reader(platform.env))
        backlog = Backlog(settings, group="transfer", topic=FILES_FOUND.name)
        for _ in range(RESTARTS + 1):
            assert await answer(backlog) == (0, 0)
            asking = asyncio.create_task(keep_asking(backlog))
            await asyncio.to_thread(servers.strike, "kafka", "restart")
            servers.recover("kafka")
            await asyncio.to_thread(servers.wait, LIMIT)
            asking.cancel()


async def answer(backlog: Backlog) -> tuple[int, int]:
    """The first one that comes; fails after a limit."""
    until = time.monotonic() + LIMIT
    while True:
        try:
            return await backlog.of(0)
        except KafkaUnavailableError:
            assert time.monotonic() < until, "the broker is back, and the handle does not see it"
        await asyncio.sleep(0.2)


async def keep_asking(backlog: Backlog) -> None:
    """As replays do, also while the broker is away: then the handle learns what is soon wrong."""
    while True:
        try:
            await backlog.of(0)
        except KafkaUnavailableError:
            await asyncio.sleep(0.05)

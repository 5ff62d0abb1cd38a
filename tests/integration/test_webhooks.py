"""From a fact in the log to a receiver on a port, through processes of their own on a real Kafka:
killed between the answer and its commit, the sender sends the same id again, and loses nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import pytest

from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.webhooks.settings import Endpoint
from services.core import events as e
from services.core.settings import Reader, Secret
from services.core.topics import NOTIFICATIONS
from services.webhooks.__main__ import group_of
from tests.platform import Platform, emptied
from tests.receiver import SECRET, Receiver, Reply, receiving
from tests.system import System, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
LIMIT = 90.0
NOW = datetime.now(UTC)


@pytest.fixture
def platform(servers: Mapping[str, str]) -> Iterator[Platform]:
    with emptied(servers) as platform:
        yield platform


async def cancel(settings: KafkaSettings, import_id: str) -> None:
    """An import begins, and is cancelled: a life that needs no Drive."""
    asked = e.ImportRequested(
        import_id=import_id, folder_id="folder", folder_url="link", requested_at=NOW
    )
    async with Publisher(settings, source="test") as publisher:
        await publisher.publish([asked, e.ImportCancelled(import_id=import_id, epoch=1, at=NOW)])


def committed(settings: KafkaSettings, receiver: Receiver) -> int | None:
    group = group_of(Endpoint(Secret(receiver.url)))
    return LogOffsets(settings).committed(group).get((NOTIFICATIONS.name, 0))


async def test_a_sender_that_is_killed_after_it_sent_sends_the_same_id_again(
    platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = KafkaSettings.read(Reader(platform.env))
    with (
        receiving() as receiver,
        receiving(lambda: Reply(hangs=True)) as hanging,
        running_system(
            platform,
            tmp_path_factory.mktemp("logs"),
            {"WEBHOOK_URLS": f"{hanging.url},{receiver.url}", "WEBHOOK_SECRET": SECRET},
        ) as system,
    ):
        system.start("indexer")
        await cancel(settings, "long-ago")
        system.until(lambda: notifications(system) == 1, LIMIT, "no end was published")
        system.start("webhooks")
        for each in (receiver, hanging):
            system.until(lambda at=each: committed(settings, at) == 1, LIMIT, "it has not begun")  # type: ignore[misc]

        receiver.reply = killing(system, receiver)
        await cancel(settings, "import-1")
        system.until(lambda: bool(receiver.ids), LIMIT, "nothing was sent")
        system.until(lambda: not system.processes["webhooks"].running, LIMIT, "it lives")
        assert committed(settings, receiver) == 1
        await cancel(settings, "import-2")
        system.restart("webhooks")
        system.until(lambda: committed(settings, receiver) == 3, LIMIT, "it has not gone on")

        assert receiver.refused == []
        assert Counter(said["data"]["id"] for said in receiver.said) == {
            "import-1": 2,
            "import-2": 1,
        }
        assert Counter(Counter(receiver.ids).values()) == {2: 1, 1: 1}
        assert {said["type"] for said in receiver.said} == {"import.cancelled"}
        # The other receiver is called, too, and holds up nobody.
        system.until(lambda: bool(hanging.ids), LIMIT, "the other receiver is not called")
        assert committed(settings, hanging) == 1
        assert "drivestream_webhooks_sent_total" in system.figures("webhooks")
        assert receiver.url not in system.log("webhooks")
        assert system.terminate("webhooks") == 0


def notifications(system: System) -> int:
    return len(system.records(NOTIFICATIONS.name))


def killing(system: System, receiver: Receiver) -> Callable[[], Reply]:
    """Kill the sender at the first request, when all has arrived and nothing is answered yet."""

    def reply() -> Reply:
        if len(receiver.ids) == 1:
            system.kill("webhooks")
        return Reply()

    return reply

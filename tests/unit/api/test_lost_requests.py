"""A request that Kafka lost before the indexer read it is published again, and no other."""

from datetime import UTC, datetime, timedelta

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.lost_requests import LostRequests
from services.core.events import ImportRequested, Mode
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import decode
from tests.catalog_rows import an_import, rows
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import Api

FOLDER = "1FolderFolderFolderFolderFolder00"


def requests(log: FakeLog) -> list[ImportRequested]:
    events = [decode(raw.topic, raw.value) for raw in log.of(IMPORTS_REQUESTED.name)]
    return [event for event in events if isinstance(event, ImportRequested)]


def forget(log: FakeLog) -> None:
    """As an operator does who deletes records."""
    log.records[IMPORTS_REQUESTED.name, 0].clear()


async def test_only_a_request_without_a_row_and_without_a_record_is_published_again(
    api: Api,
) -> None:
    link = f"https://drive.google.com/drive/folders/{FOLDER}?resourcekey=0-key"
    ids = [(await api.start(link)).json()["jobId"] for _ in range(2)]
    publisher = FakePublisher(api.log, lambda: KafkaUnavailableError("away"), "api")
    lost = LostRequests(api.imports, api.catalog, publisher, unread_for=30)
    later = datetime.now(UTC) + timedelta(seconds=31)
    await lost.publish_again(later)
    assert len(requests(api.log)) == 2  # the indexer may be away: both are still to be read
    forget(api.log)
    await lost.publish_again(datetime.now(UTC))
    assert requests(api.log) == []  # the indexer had no time to read them
    api.catalog.fill(rows(imports=[an_import(1, id=ids[0])]))
    await lost.publish_again(later)
    (again,) = requests(api.log)
    assert (again.import_id, again.mode) == (ids[1], Mode.CHECK)
    assert (again.folder_id, again.resource_key) == (FOLDER, "0-key")
    await lost.publish_again(later)
    assert len(requests(api.log)) == 1

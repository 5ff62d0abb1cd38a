"""GET /imports/{id}/files/{id}: what the catalog knows of a file, and what the log tells of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.adapters.catalog.rows import Rows
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.api.import_views import ImportViews
from services.api.journey import MOST_RECORDS, Journeys
from services.core import events as e
from services.core.parked import ParkedFiles
from services.core.topics import ALL, FILES_FOUND
from services.core.wire import decode
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.catalog_rows import an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.samples import AT, FILE, FOUND, JOB, PLACE
from tests.unit.api.conftest import Api, running

PATH = f"/imports/{JOB}/files/{FILE}"
LATER = AT + timedelta(minutes=1)


def a_try(system: str, answer: str = "ok") -> e.Attempt:
    return e.Attempt(system=system, at=AT, seconds=0.25, answer=answer)


def failed(round: int, **changes: Any) -> e.FileFailed:
    event = e.FileFailed(
        import_id=JOB,
        file_id=FILE,
        file=replace(FOUND, round=round),
        round=round,
        reason="not_found",
        message="It is gone.",
        failed_at=AT,
        tries=(a_try("drive", "not_found"),),
        found_in=PLACE,
    )
    return replace(event, **changes)


def stored(round: int, **changes: Any) -> e.FileStored:
    event = e.FileStored(
        import_id=JOB,
        file=replace(FOUND, round=round),
        bucket="b",
        object_key="the/key",
        size=7,
        stored_at=LATER,
        md5=FOUND.md5,
        sha256="0" * 64,
        content_type="image/png",
        attempts=3,
        seconds=1.5,
        tries=(a_try("drive", "drive_unavailable"), a_try("drive"), a_try("store")),
        found_in=replace(PLACE, offset=99),
    )
    return replace(event, **changes)


LISTED = e.PageListed(
    import_id=JOB,
    folder_id=FOUND.folder_id,
    pass_number=0,
    page_number=0,
    listed_at=AT,
    files=(e.FileBrief(id=FILE, name=FOUND.name, mime_type=FOUND.mime_type, size=FOUND.size),),
    skipped=(
        e.Skipped(id="notes", name="notes.txt", mime_type="text/plain", reason="not_an_image"),
    ),
)


def indexed(log: FakeLog) -> Rows:
    """The rows that an indexer makes of the whole log."""
    records = [raw for topic in ALL if topic.carries for raw in log.of(topic.name)]
    return fold(
        rows(),
        rows_of(
            LogRecord(decode(r.topic, r.value), r.topic, r.partition, r.offset) for r in records
        ),
    )


async def happened(api: Api, *events: e.Message) -> None:
    """The log has these events, and the catalog knows of them."""
    await FakePublisher(api.log, RuntimeError, "test").publish(events)
    api.catalog.fill(indexed(api.log))


async def shown(api: Api) -> dict[str, Any]:
    answer = await api.client.get(PATH)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_stored_file_says_where_it_was_found_and_what_was_answered(api: Api) -> None:
    await happened(api, stored(0))
    file = await shown(api)
    assert (file["state"], file["object_key"], file["attempts"]) == ("stored", "the/key", 3)
    assert (file["md5"], file["sha256"]) == (FOUND.md5, "0" * 64)
    assert (file["drive_version"], file["seconds"]) == (FOUND.version, 1.5)
    assert (file["complete"], file["why_incomplete"]) == (True, None)
    assert file["found"]["place"] == {
        "topic": "files.found",
        "partition": PLACE.partition,
        "offset": 99,
    }
    assert file["found"]["at"] == FOUND.found_at.isoformat().replace("+00:00", "Z")
    [outcome] = file["outcomes"]
    assert (outcome["state"], outcome["round"], outcome["reason"]) == ("stored", 0, None)
    assert outcome["found"] == file["found"]
    assert outcome["content_type"] == "image/png"
    assert outcome["place"]["topic"] == "files.stored"
    answers = [(each["system"], each["answer"], each["seconds"]) for each in outcome["tries"]]
    assert answers == [
        ("drive", "drive_unavailable", 0.25),
        ("drive", "ok", 0.25),
        ("store", "ok", 0.25),
    ]


async def test_outcomes_of_several_rounds_are_in_their_order(api: Api) -> None:
    await happened(api, failed(0), stored(2), failed(1, reason="gone"))
    file = await shown(api)
    assert (file["state"], file["round"]) == ("stored", 2)
    told = [(one["round"], one["state"], one["reason"]) for one in file["outcomes"]]
    assert told == [(0, "failed", "not_found"), (1, "failed", "gone"), (2, "stored", None)]
    assert file["found"]["place"]["offset"] == PLACE.offset
    assert file["complete"]


async def test_a_failed_verification_is_told_beside_what_is_stored(api: Api) -> None:
    await happened(api, stored(0), failed(1, reason="object_differs"))
    file = await shown(api)
    assert (file["state"], file["object_key"]) == ("stored", "the/key")
    assert [one["reason"] for one in file["outcomes"]] == [None, "object_differs"]


async def test_a_pending_file_shows_its_state_though_kafka_is_away(api: Api) -> None:
    await happened(api, LISTED)
    api.log.available = False
    file = await shown(api)
    assert (file["state"], file["name"], file["attempts"]) == ("pending", FOUND.name, 0)
    assert (file["found"], file["outcomes"], file["complete"]) == (None, [], True)


async def test_a_pending_file_says_where_it_was_found(api: Api) -> None:
    now = datetime.now(UTC)
    found = replace(FOUND, found_at=now)
    await happened(api, replace(FOUND, import_id="another"), found, replace(LISTED, listed_at=now))
    file = await shown(api)
    assert (file["state"], file["complete"]) == ("pending", True)
    [record] = [
        raw for raw in api.log.of(FILES_FOUND.name) if decode(raw.topic, raw.value) == found
    ]
    assert file["found"] == {"at": now.isoformat().replace("+00:00", "Z"), "place": record.place}
    assert record.offset == 1


@pytest.mark.parametrize("earlier", [timedelta(hours=1), timedelta(days=-1)])
async def test_a_pending_file_whose_record_is_gone_has_no_place(
    api: Api, earlier: timedelta
) -> None:
    await happened(api, FOUND, replace(LISTED, listed_at=datetime.now(UTC) - earlier))
    file = await shown(api)
    assert (file["state"], file["found"], file["complete"]) == ("pending", None, True)


async def test_a_file_that_is_retried_is_pending_and_has_an_outcome(api: Api) -> None:
    retry = e.RetryRequested(import_id=JOB, round=1, at=LATER, files=(FILE,))
    await happened(api, LISTED, failed(0), retry)
    file = await shown(api)
    assert file["state"] == "pending"
    assert [one["state"] for one in file["outcomes"]] == ["failed"]


async def test_a_skipped_file_says_why(api: Api) -> None:
    await happened(api, LISTED)
    file = (await api.client.get(f"/imports/{JOB}/files/notes")).json()
    assert (file["state"], file["reason"]) == ("skipped", "not_an_image")


async def test_a_failure_of_a_message_that_nobody_could_read_is_shown(api: Api) -> None:
    await happened(api, failed(0, file=None, found_in=None, reason="undecodable_event", tries=()))
    file = await shown(api)
    assert file["state"] == "failed"
    assert file["found"] == {"at": None, "place": None}
    assert file["outcomes"][0]["mode"] is None


async def test_while_kafka_is_away_the_state_is_shown_and_that_it_is_not_all(api: Api) -> None:
    await happened(api, stored(0))
    api.log.available = False
    file = await shown(api)
    assert (file["state"], file["object_key"]) == ("stored", "the/key")
    assert (file["found"], file["outcomes"], file["complete"]) == (None, [], False)
    assert "Kafka did not answer" in file["why_incomplete"]


async def test_records_that_the_log_no_longer_holds_are_said_to_be_missing(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    class Shortened(FakeLogReader):
        """The first record of `files.failed` is gone."""

        def ends(self, topic: str, partition: int) -> tuple[int, int]:
            low, high = super().ends(topic, partition)
            return low + (topic == "files.failed"), high

    publisher = FakePublisher(log, RuntimeError, "api")
    async with running(log, catalog, publisher, reader=Shortened) as api:
        await happened(api, failed(0), failed(1), stored(2))
        file = await shown(api)
    assert [one["round"] for one in file["outcomes"]] == [1, 2]
    assert not file["complete"]
    assert "Kafka has deleted" in file["why_incomplete"]


async def test_records_of_other_files_in_a_topic_made_anew_are_not_taken_for_its_own(
    api: Api,
) -> None:
    await happened(api, stored(0))
    for records in api.log.records.values():
        records.clear()
    await FakePublisher(api.log, RuntimeError, "test").publish(
        [stored(0, import_id="another", file=replace(FOUND, import_id="another"))]
    )
    file = await shown(api)
    assert (file["state"], file["outcomes"], file["complete"]) == ("stored", [], False)


async def test_at_most_so_many_records_are_read_and_it_is_said(api: Api) -> None:
    await happened(api, *(failed(n) for n in range(MOST_RECORDS + 5)))
    file = await shown(api)
    assert [one["round"] for one in file["outcomes"]] == list(range(5, MOST_RECORDS + 5))
    assert not file["complete"]
    assert "20 outcomes" in file["why_incomplete"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/imports/nope/files/{FILE}", "unknown_import"),
        (f"/imports/{JOB}/files/nope", "unknown_file"),
    ],
)
async def test_what_is_unknown_is_not_found(api: Api, path: str, code: str) -> None:
    api.catalog.fill(rows(imports=[an_import(1, id=JOB)]))
    answer = await api.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


class Silent(FakeLogReader):
    """Tells the first record, and then nothing more."""

    told = 0

    def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
        self.told += 1
        return super().read(at_most, timeout) if self.told == 1 else []


class Failing(Silent):
    """Tells the first record, and then loses the broker."""

    def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
        if self.told:
            raise KafkaUnavailableError("the broker is away")
        return super().read(at_most, timeout)


@pytest.mark.parametrize("kind", [Silent, Failing])
async def test_what_was_read_before_kafka_went_away_is_shown(
    api: Api, kind: type[FakeLogReader]
) -> None:
    await happened(api, failed(0), failed(1))
    views = ImportViews(api.catalog, api.imports.view, api.workers, ParkedFiles())
    journeys = Journeys(views, lambda: kind(api.log), seconds=1.0)
    file = await journeys.of(JOB, FILE)
    assert [one.round for one in file.outcomes] == [0]
    assert not file.complete

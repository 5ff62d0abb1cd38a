"""POST /import/google-drive."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api import imports
from services.core.events import ImportRequested, Message, Mode, Priority, WorkerStatus
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import decode
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.unit.api.conftest import Api, running

FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
OTHER = "1OtherOtherOtherOtherOtherOther00"
JSON = {"Content-Type": "application/json"}
LINK = f"https://drive.google.com/drive/folders/{FOLDER}?resourcekey=0-abc&usp=sharing"


def requests(log: FakeLog) -> list[ImportRequested]:
    events = [decode(IMPORTS_REQUESTED.name, raw.value) for raw in log.of(IMPORTS_REQUESTED.name)]
    return [event for event in events if isinstance(event, ImportRequested)]


def publisher(log: FakeLog) -> FakePublisher:
    return FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")


class SlowPublisher:
    """Acknowledges only when it is let to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def publish(self, events: Sequence[Message]) -> None:
        if isinstance(events[0], WorkerStatus):
            return
        self.asked.set()
        await self.let.wait()


async def test_an_import_is_answered_when_its_event_is_in_the_log(api: Api) -> None:
    response = await api.start(LINK)
    assert response.status_code == 202
    answer = response.json()
    assert answer == {"message": "Import started", "jobId": answer["jobId"]}
    assert UUID(answer["jobId"]).version == 4
    assert response.headers["location"] == f"/imports/{answer['jobId']}"
    [event] = requests(api.log)
    assert (event.import_id, event.folder_id) == (answer["jobId"], FOLDER)
    assert (event.folder_url, event.resource_key) == (LINK, "0-abc")
    assert (event.round, event.epoch) == (0, 0)


async def test_an_import_is_in_as_much_of_a_hurry_as_it_says(api: Api) -> None:
    for priority in ({}, {"priority": "normal"}, {"priority": "bulk"}):
        body = {"folderUrl": LINK, **priority}
        answer = await api.client.post("/import/google-drive", json=body)
        assert answer.status_code == 202
    events = [event.priority for event in requests(api.log)]
    assert events == [Priority.NORMAL, Priority.NORMAL, Priority.BULK]


@pytest.mark.parametrize("priority", ["high", "BULK", "", None, 1, ["bulk"], {"a": 1}])
async def test_another_priority_is_refused(api: Api, priority: object) -> None:
    body = {"folderUrl": LINK, "priority": priority}
    answer = await api.client.post("/import/google-drive", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_priority")
    assert answer.json()["detail"] == "The priority must be `normal` or `bulk`."
    assert requests(api.log) == []


async def test_nothing_is_answered_before_kafka_has_acknowledged(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    slow = SlowPublisher()
    async with running(log, catalog, slow) as api:
        answer = asyncio.create_task(api.start(FOLDER))
        await slow.asked.wait()
        await asyncio.sleep(0.02)
        assert not answer.done()
        slow.let.set()
        assert (await answer).status_code == 202


async def test_an_id_that_was_returned_is_never_unknown(log: FakeLog, catalog: FakeCatalog) -> None:
    slow = SlowPublisher()  # its events never reach the log, so the tail cannot know them
    slow.let.set()
    async with running(log, catalog, slow) as api:
        job = (await api.start(LINK)).json()["jobId"]
        shown = await api.client.get(f"/imports/{job}")
    assert shown.status_code == 200
    assert (shown.json()["state"], shown.json()["folder_url"]) == ("queued", LINK)


async def test_only_the_first_import_of_all_does_not_look(api: Api) -> None:
    for folder in (FOLDER, FOLDER, OTHER):  # which may hold a file of the first
        assert (await api.start(folder)).status_code == 202
    assert [event.mode for event in requests(api.log)] == [Mode.FRESH, Mode.CHECK, Mode.CHECK]


async def test_an_import_after_a_restart_looks_too(log: FakeLog, catalog: FakeCatalog) -> None:
    for _ in range(2):
        async with running(log, catalog, publisher(log)) as api:
            await api.start(FOLDER)
    assert [event.mode for event in requests(log)] == [Mode.FRESH, Mode.CHECK]


async def test_an_import_looks_first_while_the_log_is_not_read_to_its_end(
    log: FakeLog, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable(FakeLogReader):
        def partitions(self, topic: str) -> Sequence[int]:
            raise KafkaUnavailableError("not yet")

    monkeypatch.setattr(imports, "CATCH_UP_SECONDS", 0)
    async with running(log, catalog, publisher(log), reader=Unreadable) as api:
        assert (await api.start(FOLDER)).status_code == 202
    assert [event.mode for event in requests(log)] == [Mode.CHECK]


async def test_requests_that_wait_for_kafka_hold_no_thread(
    log: FakeLog, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "CATCH_UP_SECONDS", 60)
    log.available = False
    async with running(log, catalog, publisher(log)) as api:
        waiting = [asyncio.create_task(api.start(FOLDER, key=str(n))) for n in range(100)]
        for _ in range(100):
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert await asyncio.to_thread(lambda: "at once") == "at once"
        assert not any(task.done() for task in waiting)
        log.available = True
        answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {202}
    assert len(requests(log)) == 100


async def test_the_same_key_is_the_same_import_and_is_queued_once(api: Api) -> None:
    first, second = [await api.start(LINK, key="a key of mine") for _ in range(2)]
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert second.headers["location"] == first.headers["location"]
    assert len(requests(api.log)) == 1
    assert (await api.start(LINK, key="another")).json() != first.json()


async def test_a_key_means_the_same_import_after_a_restart(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    jobs = []
    for _ in range(2):
        async with running(log, catalog, publisher(log)) as api:
            jobs.append((await api.start(LINK, key="k")).json()["jobId"])
    assert jobs[0] == jobs[1]
    assert [event.import_id for event in requests(log)] == jobs[:1]


async def test_a_key_that_started_another_folder_is_refused_even_after_a_restart(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    async with running(log, catalog, publisher(log)) as api:
        await api.start(FOLDER, key="k")
    async with running(log, catalog, publisher(log)) as api:
        refused = await api.start(OTHER, key="k")
    assert refused.status_code == 422
    assert refused.json()["code"] == "other_folder"
    assert len(requests(log)) == 1


async def test_a_second_request_with_a_key_waits_for_nobody(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    slow = SlowPublisher()
    async with running(log, catalog, slow) as api:
        first = asyncio.create_task(api.start(FOLDER, key="k"))
        await slow.asked.wait()
        second = await api.start(FOLDER, key="k")
        assert (second.status_code, second.json()["code"]) == (409, "import_under_way")
        assert second.headers["retry-after"] == "1"
        slow.let.set()
        assert (await first).status_code == 202
        assert (await api.start(FOLDER, key="k")).json() == (await first).json()


async def test_what_could_not_be_queued_says_that_repeating_is_safe(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "CATCH_UP_SECONDS", 0)  # in a moment, not in seconds
    api.log.available = False
    failed = await api.start(FOLDER, key="k")
    assert failed.status_code == 500
    assert failed.json()["code"] == "not_queued"
    assert "same Idempotency-Key" in failed.json()["detail"]
    api.log.available = True
    repeated = await api.start(FOLDER, key="k")
    assert repeated.status_code == 202
    assert [event.import_id for event in requests(api.log)] == [repeated.json()["jobId"]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "missing_body"),
        (b"folderUrl=x", "not_json"),
        (b'{"folderUrl": "x', "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 50_000, "not_json"),
        (b"null", "not_an_object"),
        (b'["folderUrl"]', "not_an_object"),
        (b"{}", "missing_folder_url"),
        (b'{"folder_url": "x"}', "missing_folder_url"),
        (b'{"folderUrl": null}', "missing_folder_url"),
        (b'{"folderUrl": 7}', "folder_url_not_text"),
        (b'{"folderUrl": ["x"]}', "folder_url_not_text"),
        (b'{"folderUrl": "  "}', "empty"),
        (b'{"folderUrl": "' + b"a" * 10_240 + b'"}', "too_long"),
        (b'{"folderUrl": "https://example.org/folders/x"}', "not_drive"),
        (b'{"folderUrl": "https://drive.google.com/file/d/1AbCdEfGhIjKlM/view"}', "file_link"),
    ],
)
async def test_a_request_that_cannot_be_understood_is_refused_with_its_reason(
    api: Api, body: bytes, code: str
) -> None:
    refused = await api.client.post("/import/google-drive", content=body, headers=JSON)
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == code
    assert problem["status"] == 400
    assert problem["instance"] == "/import/google-drive"
    assert problem["type"] == f"/schema#{code}"
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert requests(api.log) == []


async def test_a_body_of_any_size_is_not_read_to_its_end(api: Api) -> None:
    refused = await api.client.post("/import/google-drive", content=b"a" * 100_000, headers=JSON)
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain; application/json",
        "application/json-patch+json",
        "",
        None,
    ],
)
async def test_a_body_that_is_not_sent_as_json_starts_nothing(api: Api, kind: str | None) -> None:
    """A form, or a script without permission, can send these from any web site."""
    headers = {} if kind is None else {"Content-Type": kind}
    body = f'{{"folderUrl": "{FOLDER}"}}'.encode()
    refused = await api.client.post("/import/google-drive", content=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in refused.json()["detail"]
    assert requests(api.log) == []


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON ; charset=utf-8"])
async def test_json_is_json_however_it_is_written(api: Api, kind: str) -> None:
    body = f'{{"folderUrl": "{FOLDER}"}}'.encode()
    answer = await api.client.post(
        "/import/google-drive", content=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == 202


async def test_a_body_in_chunks_without_a_type_is_refused(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"folderUrl": "x"}'

    refused = await api.client.post("/import/google-drive", content=chunks())
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")


async def test_reading_takes_any_type_of_body(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await api.client.get("/images", headers={"Content-Type": kind})
        assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, JSON])
async def test_a_request_without_a_body_is_told_what_to_send(
    api: Api, headers: dict[str, str]
) -> None:
    refused = await api.client.post("/import/google-drive", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "missing_body")
    assert "folderUrl" in refused.json()["detail"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ü"])
async def test_a_silly_key_is_refused(api: Api, key: str) -> None:
    refused = await api.client.post(
        "/import/google-drive",
        json={"folderUrl": FOLDER},
        headers=[(b"Idempotency-Key", key.encode("latin-1"))],
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_idempotency_key")
    assert requests(api.log) == []

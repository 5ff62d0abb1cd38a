"""GET /topics/{name}/events: real records in the fake log."""

import json

import pytest

from services.adapters.kafka.newest import SHOWN_BYTES
from services.core.topics import ALL, DEAD_LETTERS, FILES_FOUND, WORKERS_STATUS
from services.core.wire import Record
from tests.fakes.log import FakePublisher
from tests.fakes.samples import a_file
from tests.unit.api.conftest import Api


async def put(api: Api, *values: bytes, topic: str = FILES_FOUND.name) -> None:
    for number, value in enumerate(values):
        headers = [("ce_id", b"%d" % number), ("odd", b"\xff" * 2_000)]
        await api.log.append(
            [Record(topic=topic, key=b"k%d" % number, value=value, headers=headers)]
        )


async def test_the_newest_events_of_all_partitions_come_first(api: Api) -> None:
    await put(api, *(b"%d" % number for number in range(60)))
    answer = await api.client.get("/topics/files.found/events")
    assert answer.status_code == 200
    events = answer.json()
    assert len(events) == 20
    assert len({event["partition"] for event in events}) > 3
    times = [event["at"] for event in events]
    assert times == sorted(times, reverse=True)
    assert len((await api.client.get("/topics/files.found/events?limit=3")).json()) == 3


async def test_an_event_is_shown_with_its_key_its_headers_and_its_type(api: Api) -> None:
    found = a_file()
    await FakePublisher(api.log, RuntimeError, "lister").publish([found])
    await put(api, b"{not json")
    events = (await api.client.get("/topics/files.found/events")).json()
    good = next(event for event in events if event["type"] == "FileFound")
    bad = next(event for event in events if event["type"] is None)
    assert json.loads(good["value"]["data"])["file_id"] == found.file_id
    assert good["key"]["data"] == found.key
    assert good["headers"]["ce_type"] == "drivestream.FileFound.v1"
    assert bad["value"] == {"encoding": "utf-8", "data": "{not json", "size": 9}
    assert bad["headers"]["ce_id"] == "0"
    assert len(bad["headers"]["odd"]) == 1_000


@pytest.mark.parametrize(
    "value",
    [
        b'{"resource_key":"0-se\\"cret","a":1}',
        b'{"token": "0-secret"}',
        b'{"folder_url":"https://drive.google.com/drive/folders/1A?resourcekey=0-secret&a"}',
        b'{"broken": {"resource_key":"0-secret',
    ],
)
async def test_what_opens_a_file_in_drive_is_left_out(api: Api, value: bytes) -> None:
    await put(api, value, topic=DEAD_LETTERS.name)
    [event] = (await api.client.get("/topics/dead.letters/events")).json()
    assert "cret" not in event["value"]["data"]
    assert "…" in event["value"]["data"]


async def test_a_long_event_is_cut(api: Api) -> None:
    await put(api, b"x" * 3_000_000, b"\xff" * 100_000, topic=DEAD_LETTERS.name)
    binary, text = (await api.client.get("/topics/dead.letters/events")).json()
    assert (len(text["value"]["data"]), text["value"]["size"]) == (SHOWN_BYTES, 3_000_000)
    assert (binary["value"]["encoding"], binary["value"]["size"]) == ("base64", 100_000)


async def test_every_topic_may_be_empty_and_others_are_unknown(api: Api) -> None:
    for topic in ALL:
        answer = await api.client.get(f"/topics/{topic.name}/events")
        own = topic == WORKERS_STATUS
        assert (answer.status_code, answer.json() == []) == (200, not own), topic.name
    answer = await api.client.get("/topics/files.lost/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_topic")
    for query in ("limit=0", "limit=51", "limit=x", "size=1"):
        answer = await api.client.get(f"/topics/files.found/events?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter"), query


async def test_kafka_away_is_said(api: Api) -> None:
    api.log.available = False
    answer = await api.client.get("/topics/files.found/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
    assert answer.headers["Retry-After"] == "5"

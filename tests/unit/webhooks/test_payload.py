"""What a webhook says of each event, and which events are told of."""

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.core import events as e
from services.core.wire import event_id
from services.webhooks.payload import body_of, webhook_of
from tests.documents import DOCS, blocks
from tests.samples import AT, JOB, SAMPLES

[ENDED] = [event for event in SAMPLES.values() if isinstance(event, e.ImportEnded)]
[REPLAYED] = [event for event in SAMPLES.values() if isinstance(event, e.ReplayEnded)]
URL = "https://images.example.com"
LARGEST = 20_000
"""Bytes, as Standard Webhooks recommends."""


def told(event: e.Message, api_url: str = URL) -> Any:
    webhook = webhook_of(event, api_url)
    return None if webhook is None else json.loads(body_of(webhook))


@pytest.mark.parametrize(
    ("state", "type"),
    [
        ("completed", "import.completed"),
        ("completed_with_failures", "import.completed"),
        ("failed", "import.failed"),
        ("cancelled", "import.cancelled"),
    ],
)
def test_each_end_of_an_import_has_its_type(state: str, type: str) -> None:
    said = told(replace(ENDED, state=state))
    assert said["type"] == type
    assert said["data"]["state"] == state


def test_the_end_of_an_import_comes_with_its_counts_name_and_links() -> None:
    said = told(ENDED)
    assert said.keys() == {"type", "timestamp", "data"}
    data = said["data"]
    assert (data["id"], data["name"]) == (JOB, "Summer in Tirol")
    assert data["found"] == data["stored"] + data["unchanged"] + data["failed"] == 31
    assert data["skipped"] == {"not_an_image": 4}
    assert data["links"]["import"] == f"{URL}/imports/{JOB}"
    assert data["links"]["manifest"] == f"{URL}/imports/{JOB}/manifest.csv"


def test_the_example_of_the_page_has_the_fields_of_a_webhook() -> None:
    [example] = [each for each in blocks(DOCS / "webhooks.md") if each.begins.startswith("POST ")]
    shown, said = json.loads(example.text.partition("\n\n")[2]), told(ENDED)
    assert shown.keys() == said.keys()
    assert shown["data"].keys() == said["data"].keys()
    assert shown["data"]["links"].keys() == said["data"]["links"].keys()


def test_without_the_api_s_address_links_are_paths() -> None:
    assert told(ENDED, "")["data"]["links"]["import"] == f"/imports/{JOB}"


def test_an_id_cannot_lead_elsewhere() -> None:
    link = told(replace(ENDED, import_id="../images?x=1#y"))["data"]["links"]["import"]
    assert link == f"{URL}/imports/..%2Fimages%3Fx%3D1%23y"


def test_of_replays_only_completed_ones_are_told() -> None:
    said = told(REPLAYED)
    assert said["type"] == "replay.completed"
    assert said["data"]["links"] == {"replay": f"{URL}/replays/{REPLAYED.import_id}"}
    assert told(replace(REPLAYED, state="failed")) is None
    assert told(replace(REPLAYED, state="cancelled")) is None


def test_a_stalled_import_is_told_with_the_time_of_its_last_progress() -> None:
    said = told(SAMPLES["AlarmRaised"])
    assert said["type"] == "import.stalled"
    assert said["data"]["no_progress_since"] == "2026-11-23T12:30:00.250000Z"
    assert said["data"]["unfinished"] == {"files.found": 120, "imports.pages": 1}


def test_what_ended_a_week_before_it_was_published_is_no_news() -> None:
    assert told(replace(ENDED, ended_at=AT - timedelta(days=6))) is not None
    assert told(replace(ENDED, ended_at=AT - timedelta(days=8))) is None
    assert told(replace(REPLAYED, ended_at=AT - timedelta(days=8))) is None


@pytest.mark.parametrize(
    "name", [n for n in SAMPLES if n not in ("ImportEnded", "ReplayEnded", "AlarmRaised")]
)
def test_no_other_event_is_told(name: str) -> None:
    assert told(SAMPLES[name]) is None


def test_a_webhook_stays_small() -> None:
    many = {f"reason_{number:03}".ljust(64, "x"): 2**63 - 1 for number in range(50)}
    largest = replace(ENDED, name="😀" * 256, message="é" * 1000, failures=many, skipped=many)
    webhook = webhook_of(largest, URL)
    assert webhook is not None
    assert len(body_of(webhook).encode()) < LARGEST


def test_one_fact_has_one_id_and_another_fact_another() -> None:
    later = AT + timedelta(hours=1)
    same = replace(ENDED, at=later, ended_at=later, stored_bytes=1, found=99, failed=9)
    assert event_id(same) == event_id(ENDED)
    cancelled = replace(ENDED, state="cancelled")
    assert event_id(replace(cancelled, round=9)) == event_id(cancelled)
    retried = replace(ENDED, round=ENDED.round + 1)
    facts = [ENDED, cancelled, retried, replace(ENDED, state="completed", failed=0)]
    assert len({event_id(fact) for fact in facts}) == len(facts)


def test_an_alarm_is_the_same_while_its_oldest_message_is() -> None:
    [alarm] = [event for event in SAMPLES.values() if isinstance(event, e.AlarmRaised)]
    restarted = replace(alarm, since=AT + timedelta(minutes=2), at=AT + timedelta(minutes=4))
    assert event_id(restarted) == event_id(alarm)
    other = replace(alarm, oldest=replace(alarm.oldest, offset=7))
    assert event_id(other) != event_id(alarm)

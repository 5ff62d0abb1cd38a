"""A CloudEvents library reads our messages as they are."""

import json

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat

from services.core import wire
from tests.samples import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_a_cloud_events_library_reads_every_event(name: str) -> None:
    record = wire.encode(SAMPLES[name], source="lister")
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
    event = from_kafka(message, JSONFormat())
    assert event.get_id() == str(wire.event_id(SAMPLES[name]))
    assert event.get_type() == f"drivestream.{name}.v1"
    assert event.get_source() == "/drivestream/lister"
    assert event.get_extension("partitionkey") == SAMPLES[name].key
    assert event.get_data() == json.loads(record.value)

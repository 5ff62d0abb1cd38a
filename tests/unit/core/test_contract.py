"""The published documents say what the code does."""

import json
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from docs.generate import documents
from services.core import events, wire
from services.core.topics import ALL, BY_NAME
from tests.samples import SAMPLES

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("name", ["events.schema.json", "asyncapi.json"])
def test_the_document_in_the_repository_is_the_one_that_the_code_makes(name: str) -> None:
    message = "run: python -m docs.generate"
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], message


@pytest.mark.parametrize("name", SAMPLES)
def test_every_event_that_is_produced_matches_its_schema(name: str) -> None:
    schema = json.loads(documents()["events.schema.json"])
    validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})
    validator.validate(json.loads(wire.encode(SAMPLES[name], source="test").value))


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    asyncapi = json.loads(documents()["asyncapi.json"])
    schemas = json.loads(documents()["events.schema.json"])["$defs"]
    for channel in asyncapi["channels"].values():
        for name in channel["messages"]:
            payload = asyncapi["components"]["messages"][name]["payload"]["$ref"]
            assert payload.rsplit("/", 1)[1] in schemas


def test_each_event_has_one_topic() -> None:
    carried = [(event, topic.name) for topic in ALL for event in topic.carries]
    assert {event for event, _ in carried} == set(get_args(events.Message))
    assert len(carried) == len(dict(carried))
    assert len(BY_NAME) == len(ALL)


def test_an_event_knows_the_topic_that_carries_it() -> None:
    for topic in ALL:
        assert {event.topic for event in topic.carries} <= {topic.name}

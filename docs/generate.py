"""The contract as documents: a JSON Schema of every event, AsyncAPI 3 of every topic, and a page
to read. The API as OpenAPI 3.1, as a Postman collection, and as a page. The list of decisions.

`python -m docs.generate` writes them beside this file; a test fails when they have drifted.
"""

import inspect
import json
from pathlib import Path

import msgspec

from docs.events_page import events_page
from docs.pages import api_page, decisions_page
from docs.postman import postman_collection
from services.api.routes import openapi_document
from services.core.topics import ALL, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, str]:
    """File names under `docs/` and their text."""
    carried = [event for topic in ALL for event in topic.carries]
    _, components = msgspec.json.schema_components(carried, ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:  # indented as the source is, before Python 3.13
            component["description"] = inspect.cleandoc(component["description"])
    schema = {"$schema": DIALECT, "title": "Drivestream events", "$defs": components}
    return {
        "events.schema.json": _text(schema),
        "asyncapi.json": _text(_asyncapi()),
        "events.md": events_page(),
    }


def api_documents() -> dict[str, str]:
    """As `documents`, of the API."""
    openapi = openapi_document()
    return {
        "openapi.json": _text(openapi),
        "postman.json": _text(postman_collection(openapi)),
        "api.md": api_page(openapi),
    }


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _asyncapi() -> dict[str, object]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Drivestream",
            "version": "1",
            "description": "Every step of an import, as an event.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in ALL},
        "components": {
            "messages": {n: m for topic in ALL for n, m in _messages(topic).items()},
            "schemas": {"Headers": _headers()},
        },
    }


def _headers() -> dict[str, object]:
    """Of every record. Those that not every event has are not required."""
    always = {
        "ce_specversion": "Always `1.0`.",
        "ce_id": "The same for the same fact.",
        "ce_source": "`/drivestream/` and the service that published it.",
        "ce_type": "`drivestream.NAME.v1`.",
        "content-type": "Always `application/json`.",
    }
    sometimes = {
        "ce_importid": "The import or replay.",
        "ce_subject": "What the event is about.",
        "ce_round": "The round, 0 if the event has none.",
        "ce_epoch": "The control epoch.",
        "ce_replayid": "The replay that caused it.",
        "traceparent": "Where it stands in a trace (W3C Trace Context), if tracing is on.",
    }
    described = (always | sometimes).items()
    return {
        "type": "object",
        "properties": {n: {"type": "string", "description": text} for n, text in described},
        "required": list(always),
    }


def _channel(topic: Topic) -> dict[str, object]:
    return {
        "address": topic.name,
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
            for event in topic.carries
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.compacted else "delete"],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _messages(topic: Topic) -> dict[str, object]:
    return {
        event.__name__: {
            "name": f"drivestream.{event.__name__}.v1",
            "summary": (event.__doc__ or "").strip().split("\n")[0],
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/Headers"},
            "payload": {"$ref": f"./events.schema.json#/$defs/{event.__name__}"},
            "bindings": {
                "kafka": {
                    "key": {"type": "string", "description": topic.key},
                    "bindingVersion": "0.5.0",
                }
            },
        }
        for event in topic.carries
    }


if __name__ == "__main__":
    lists = {"decisions/README.md": decisions_page()}
    for name, text in (documents() | api_documents() | lists).items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")

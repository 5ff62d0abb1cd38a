"""`docs/events.md`: every event with its fields and a real sample, made from the structs."""

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from services.core import events as e
from services.core.topics import ALL, DEAD_LETTERS, MINUTE_MS, MONITOR_WINDOWS, Topic

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "unit" / "core" / "golden"
EXAMPLE = ROOT / "docs" / "examples" / "second_consumer.py"
HEAD = """\
<!-- Made by `python -m docs.generate` from services/core/events: do not edit. -->
# Events

Every step of an import is an event in Kafka. Your own consumers can subscribe to any topic without
affecting Drivestream.

- The value is a JSON object with a `type`. Times are in UTC, sizes in bytes, and checksums in
  lowercase hex.
- The headers are [CloudEvents](https://cloudevents.io) attributes in binary mode: `ce_id`,
  `ce_source`, `ce_type`, `ce_specversion`, `ce_subject`, and the extensions `ce_importid`,
  `ce_round` and `ce_epoch`. Events that a replay causes carry its id in
  `ce_replayid`.
- If [tracing](tracing.md) is on, `traceparent` (W3C Trace Context) says where an event stands in a
  trace. A file has a trace of its own, from `FileFound` on. The header is no part of the fact: it
  may be missing, and differ between duplicates.
- Delivery is at least once, so expect duplicates. `ce_id` is computed from the event's identity:
  duplicates have the same id, and a consumer can drop them.
- New fields may be added. Existing fields are never removed, renamed or redefined. Ignore fields
  that you do not know.
- If `KAFKA_TOPIC_PREFIX` is set, every topic name starts with it.

[events.schema.json](events.schema.json) is the JSON Schema of all events, and
[asyncapi.json](asyncapi.json) the AsyncAPI document of all topics.

## A consumer of your own

This [example](examples/second_consumer.py) is tested with a real broker:

```python
{example}```

To get past outcomes without affecting other consumers, let a replay copy them to a topic of your
own, `feeds.NAME`: run `drivestream replay plan --mode all --import ID --to NAME`, then `replay
start`. Read that topic from the beginning, then continue with `files.stored`.
"""


def events_page() -> str:
    """The page as Markdown."""
    code = EXAMPLE.read_text(encoding="utf-8")
    return "\n".join([HEAD.format(example=code), *map(_topic, ALL)])


def _topic(topic: Topic) -> str:
    minutes = topic.retention_ms // MINUTE_MS
    kept = f"{minutes // (24 * 60)} days" if minutes >= 24 * 60 else f"{minutes} minutes"
    if topic.retention_ms < 0:
        kept = "forever"
    if topic.compacted:
        kept = "the newest record of each key"
    facts = f"Key: {topic.key}. Partitions: {topic.partitions}. Kept: {kept}."
    if topic is DEAD_LETTERS:
        facts += " The value is the original record. Its `dlq_*` headers say where from and why."
    elif topic is MONITOR_WINDOWS:
        facts += " The monitor's own: its values may change from version to version."
    return "\n".join([f"## `{topic.name}`\n", facts, "", *map(_event, topic.carries)])


def _event(event: type[e.Message]) -> str:
    sample = json.loads((SAMPLES / f"{event.__name__}.json").read_text(encoding="utf-8"))
    return "\n".join(
        [
            f"### {event.__name__}\n",
            inspect.getdoc(event) or "",
            "",
            "| field | type | default |",
            "|---|---|---|",
            *_fields(event),
            "",
            "```json",
            json.dumps(sample, indent=2, ensure_ascii=False),
            "```",
            "",
        ]
    )


def _fields(event: type[e.Message]) -> list[str]:
    _, components = msgspec.json.schema_components([event])
    schema = components[event.__name__]
    required = schema["required"]
    return [
        f"| `{name}` | {_kind(kind)} | {_default(kind) if name not in required else ''} |"
        for name, kind in schema["properties"].items()
        if name != "type"
    ]


def _default(schema: dict[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else "`{…}`"


def _kind(schema: dict[str, Any]) -> str:
    """What a field holds, in the words of JSON."""
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(f'`"{value}"`' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if schema.get("items") else "list"
    return "time" if schema.get("format") == "date-time" else str(schema.get("type", "object"))

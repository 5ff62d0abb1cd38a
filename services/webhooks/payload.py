"""What a webhook says: type, time and a few facts, from an event alone. Pure.

The same event always makes the same bytes. What would need a look elsewhere is linked instead.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from services.core import events as e

TYPES = {
    "completed": "import.completed",
    "completed_with_failures": "import.completed",
    "failed": "import.failed",
    "cancelled": "import.cancelled",
}
HISTORY = timedelta(days=7)
"""What ended longer ago than this is no news. It is told all the same where rows are made again in
an empty database; then it was told before."""
Facts = dict[str, Any]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """As Standard Webhooks has it. `timestamp` is when it happened."""

    type: str
    timestamp: datetime
    data: Facts


def webhook_of(event: e.Message, api_url: str) -> Webhook | None:
    """None for what no webhook tells of."""
    match event:
        case e.ImportEnded(state=state, at=at, ended_at=ended_at):
            happened = ended_at or at
            if state not in TYPES or at - happened > HISTORY:
                return None
            return Webhook(
                type=TYPES[state], timestamp=happened, data=_import_ended(event, api_url)
            )
        case e.ReplayEnded(state="completed", at=at, ended_at=ended_at):
            happened = ended_at or at
            if at - happened > HISTORY:
                return None
            return Webhook(
                type="replay.completed", timestamp=happened, data=_replay_ended(event, api_url)
            )
        case e.AlarmRaised():
            return Webhook(type="import.stalled", timestamp=event.at, data=_stalled(event, api_url))
    return None


def body_of(webhook: Webhook) -> str:
    return msgspec.json.encode(webhook).decode()


def _import_ended(event: e.ImportEnded, api_url: str) -> Facts:
    itself = _link(api_url, "imports", event.import_id)
    return _of_both(event) | {
        "folder_id": event.folder_id,
        "round": event.round,
        "found": event.found,
        "folders_failed": event.folders_failed,
        "skipped": event.skipped,
        "links": {
            "import": itself,
            "failures": f"{itself}/files?state=failed",
            "manifest": f"{itself}/manifest.csv",
        },
    }


def _replay_ended(event: e.ReplayEnded, api_url: str) -> Facts:
    links = {"replay": _link(api_url, "replays", event.import_id)}
    return _of_both(event) | {"selected": event.selected, "links": links}


def _of_both(event: e.ImportEnded | e.ReplayEnded) -> Facts:
    names = ("state", "name", "message", "requested_at", "ended_at", "stored", "unchanged")
    facts = {name: getattr(event, name) for name in names}
    return (
        {"id": event.import_id}
        | facts
        | {
            "failed": event.failed,
            "failures": event.failures,
            "stored_bytes": event.stored_bytes,
        }
    )


def _stalled(event: e.AlarmRaised, api_url: str) -> Facts:
    links = {"import": _link(api_url, "imports", event.import_id)}
    return {
        "id": event.import_id,
        "no_progress_since": event.since,
        "unfinished": event.unfinished,
        "links": links,
    }


def _link(api_url: str, kind: str, id: str) -> str:
    return f"{api_url}/{kind}/{quote(id, safe='')}"

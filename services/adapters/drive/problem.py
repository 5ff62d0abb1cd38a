"""What an answer that is no success says of itself, in whichever of Google's forms: no judgement.

The forms: classic (`errors[]`), of the newer front end (`status`, `details[]`), OAuth's
(`"error": "invalid_grant"`), HTML, or nothing at all. Hostile until parsed: what has another type
than Google documents is passed over, and never costs what stands beside it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from services.adapters.drive.answers import tellable

LONGEST_RETRY_AFTER = 3600.0
MOST_REASONS = 20
# Google's page against robots ("We're sorry... ", at /sorry/ in a browser), lower-case.
WALL_WORDS = (b"automated queries", b"unusual traffic")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer that is not what was asked for. `body` may be cut off."""

    status: int
    content_type: str = ""
    body: bytes = b""
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Google's words for it. `reasons` come most telling first: those of `details` before others.

    `locations` name the parameters that it is about; `a_day` says that a quota of a day is meant.
    """

    reasons: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    status: str = ""
    message: str = ""
    a_day: bool = False


def problem(body: bytes) -> Problem:
    """The words of a JSON error; an empty `Problem` where there is none."""
    try:
        decoded = json.loads(body) if body.lstrip()[:1] == b"{" else None
    except (ValueError, RecursionError):
        decoded = None
    error = decoded.get("error") if isinstance(decoded, dict) else None
    if isinstance(error, str):
        message = decoded.get("error_description") if isinstance(decoded, dict) else None
        return Problem(reasons=(tellable(error)[:100],), message=_text(message))
    if not isinstance(error, dict):
        return Problem()
    stated = [*_items(error.get("details")), *_items(error.get("errors"))]
    return Problem(
        reasons=tuple(filter(None, (_text(item.get("reason")) for item in stated))),
        locations=tuple(filter(None, (_text(item.get("location")) for item in stated))),
        status=_text(error.get("status")),
        message=_text(error.get("message")),
        a_day=any(_of_a_day(item) for item in stated),
    )


def is_wall(refusal: Refusal) -> bool:
    """Whether it is Google's page against robots: by its words, or any page of HTML with a 403."""
    if "html" not in refusal.content_type.lower():
        return False
    page = refusal.body.lower()
    return refusal.status == 403 or any(words in page for words in WALL_WORDS)


def seconds_asked(header: str | None, now: datetime) -> float | None:
    """Retry-After, as seconds or as a date; None where it is absent or makes no sense."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _items(value: Any) -> Iterator[dict[str, Any]]:
    named = value[:MOST_REASONS] if isinstance(value, list) else []
    return (item for item in named if isinstance(item, dict))


def _text(value: Any) -> str:
    return tellable(value) if isinstance(value, str) else ""


def _of_a_day(item: dict[str, Any]) -> bool:
    """ErrorInfo names the limit: `defaultPerDayPerProject` beside `defaultPerMinutePerProject`."""
    metadata = item.get("metadata")
    limit = metadata.get("quota_limit") if isinstance(metadata, dict) else ""
    return "PerDay" in _text(limit)

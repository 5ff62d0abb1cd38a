"""What Google says in an error response, in any of its formats. Nothing is judged here.

The formats: classic (`errors[]`), the newer front end's (`status`, `details[]`), OAuth's
(`"error": "invalid_grant"`), HTML, or nothing. A value of another type than Google documents is
skipped, and never costs what stands beside it.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from services.adapters.drive.answers import fields, number, storable, text

LONGEST_RETRY_AFTER = 3600.0
MAX_REASONS = 20
# Google's page against robots ("We're sorry... ", at /sorry/ in a browser), in lower case.
AUTOMATED_QUERIES_WORDS = (b"automated queries", b"unusual traffic")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A response that is not what was asked for. `body` may be cut off."""

    status: int
    content_type: str = ""
    body: bytes = b""
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Google's words for it. `reasons` start with the most specific, those of `details`.

    `locations` name the parameters that it is about; `daily` says that a daily quota is meant.
    """

    reasons: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    status: str = ""
    message: str = ""
    daily: bool = False


def problem(body: bytes) -> Problem:
    """The words of a JSON error; an empty `Problem` where there is none."""
    try:
        decoded = fields(json.loads(body))
    except (ValueError, RecursionError):
        return Problem()
    error = decoded.get("error")
    if isinstance(error, str):
        message = storable(decoded.get("error_description"))
        return Problem(reasons=(storable(error)[:100],), message=message)
    if not isinstance(error, dict):
        return Problem()
    items = _items(error.get("details")) + _items(error.get("errors"))
    return Problem(
        reasons=tuple(filter(None, (storable(item.get("reason")) for item in items))),
        locations=tuple(filter(None, (storable(item.get("location")) for item in items))),
        status=storable(error.get("status")),
        message=storable(error.get("message")),
        # ErrorInfo names the limit: `defaultPerDayPerProject`, or `defaultPerMinutePerProject`.
        daily=any("PerDay" in text(fields(i.get("metadata")).get("quota_limit")) for i in items),
    )


def is_automated_queries_block(refusal: Refusal) -> bool:
    """Whether it is Google's page against robots: by its words, or any HTML page with a 403."""
    if "html" not in refusal.content_type.lower():
        return False
    page = refusal.body.lower()
    return refusal.status == 403 or any(words in page for words in AUTOMATED_QUERIES_WORDS)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Retry-After, given in seconds or as a date; None where it is absent or makes no sense."""
    value = (header or "").strip()
    seconds = number(value)
    if seconds is not None:
        return float(min(seconds, LONGEST_RETRY_AFTER))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _items(value: Any) -> list[dict[str, Any]]:
    items = value[:MAX_REASONS] if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]

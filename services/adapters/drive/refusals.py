"""What Google's refusals say, and what they mean for us.

Google's formats: classic (`errors[]`), the newer front end's (`status`, `details[]`), OAuth's
(`"error": "invalid_grant"`), HTML, or nothing. A value of another type is skipped. The reason
decides, not the status: one table, from `drive-api.md` §1.7. Only this module knows the reasons.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from services.adapters.drive.answers import fields, storable
from services.core import errors as reasons
from services.core.errors import CoolDown, Corrupt, RateLimited, SetAside, Stop, TryAgain, Verdict

# What a request was about, as a sentence names it.
ItemKind = Literal["folder", "file", "item"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Google's words for it."""

    reasons: tuple[str, ...] = ()  # the most specific first: those of `details`
    locations: tuple[str, ...] = ()  # the parameters that it is about
    status: str = ""
    message: str = ""
    daily: bool = False  # whether a daily quota is meant
    of_oauth: bool = False  # in the form of RFC 6749 §5.2


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A response that is not what was asked for, and what else decides about it."""

    status: int
    content_type: str = ""
    body: bytes = b""  # it may be cut off
    retry_after: str | None = None
    kind: ItemKind = "item"
    service_account: bool = False
    secret: str = ""  # no sentence quotes it
    cool_down: float = 600.0  # seconds

    @cached_property
    def said(self) -> Problem:
        return problem(self.body)


# What a refusal means: verdicts whose sentences have gaps, and whose times are in cool-downs.
_KEY = Stop(
    reasons.KEY_REFUSED,
    "Google rejected the API key. Check GOOGLE_API_KEY, and that the key may call the Drive API.",
)
_CREDENTIALS = Stop(
    reasons.KEY_REFUSED,
    "Google requires credentials. Check that GOOGLE_API_KEY is set and correct.",
)
_ACCOUNT = Stop(
    reasons.CREDENTIALS_REFUSED,
    "Google rejected the service account. Check that GOOGLE_APPLICATION_CREDENTIALS names its "
    "current key file, and that the account is not disabled.",
)
_NO_API = Stop(
    "drive_api_disabled",
    "The Drive API is not enabled for the Google Cloud project of {who}. Enable it there.",
)
_RATE_LIMITED = RateLimited(
    reasons.DRIVE_RATE_LIMITED, "Google Drive is limiting our request rate."
)
_DAILY_LIMIT = CoolDown(
    reasons.DAILY_LIMIT,
    "The Google Cloud project has reached its daily Drive quota. Work resumes after midnight "
    "Pacific time. You can request a higher limit on the project's quotas page.",
    6.0,
)
_AUTOMATED_QUERIES = CoolDown(
    reasons.AUTOMATED_QUERIES,
    "Google has temporarily blocked requests from this computer as automated queries. If this "
    "happens again, lower DRIVE_QUOTA_UNITS_PER_MINUTE, or use a service account "
    "(GOOGLE_APPLICATION_CREDENTIALS).",
    1.0,
)
_FILE_QUOTA = SetAside(
    reasons.DOWNLOAD_QUOTA,
    "Google limits downloads of this file for up to 24 hours because it was downloaded too often.",
)
_ABUSIVE = SetAside(
    "abusive_file", "Google blocks downloads of this file because it is flagged as malware or spam."
)
_FORBIDDEN = SetAside("not_permitted", "The owner of this {kind} does not allow downloads.")
_NO_BYTES = SetAside(
    "not_downloadable", "This is a Google document, which has no file content to download."
)
_NOT_FOUND = SetAside(
    reasons.NOT_FOUND,
    "This {kind} does not exist, or it is not shared with anyone who has the link. If the link has "
    "a resourcekey, paste the link with it.",
)
_TOKEN_INVALID = SetAside(
    reasons.PAGE_TOKEN_INVALID, "Google's page token for this folder's listing has expired."
)
_TRUNCATED = Corrupt(
    reasons.CONTENT_MISMATCH,
    "Google Drive has fewer bytes of this {kind} than it listed.",
)
_UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive returned a server error.")
# Google does not understand the request. That is our fault, so its words are quoted.
_BAD_REQUEST = SetAside("drive_refused", "Google Drive answered {status}: {words}")
# Google explains these two, so the explanation got lost: it may have been a rate limit.
_UNEXPLAINED = TryAgain(_BAD_REQUEST.reason, _BAD_REQUEST.message)

# The codes in capitals are those of the newer front end: ErrorInfo's, and `google.rpc.Code`.
CODES = {
    _KEY: "keyInvalid keyExpired ipRefererBlocked API_KEY_INVALID API_KEY_SERVICE_BLOCKED "
    "API_KEY_HTTP_REFERRER_BLOCKED API_KEY_IP_ADDRESS_BLOCKED CONSUMER_INVALID CONSUMER_SUSPENDED",
    _CREDENTIALS: "authError dailyLimitExceededUnreg UNAUTHENTICATED CREDENTIALS_MISSING "
    "ACCESS_TOKEN_EXPIRED ACCESS_TOKEN_SCOPE_INSUFFICIENT ACCESS_TOKEN_TYPE_UNSUPPORTED "
    "invalid_grant invalid_client invalid_token unauthorized_client invalid_scope access_denied",
    _NO_API: "accessNotConfigured SERVICE_DISABLED",
    _RATE_LIMITED: "rateLimitExceeded userRateLimitExceeded sharingRateLimitExceeded "
    "RATE_LIMIT_EXCEEDED RESOURCE_EXHAUSTED",
    _DAILY_LIMIT: "dailyLimitExceeded",
    _FILE_QUOTA: "downloadQuotaExceeded quotaExceeded",
    _ABUSIVE: "cannotDownloadAbusiveFile invalidAbuseAcknowledgment",
    _FORBIDDEN: "cannotDownloadFile insufficientFilePermissions insufficientPermissions "
    "appNotAuthorizedToFile domainPolicy",
    _NO_BYTES: "fileNotDownloadable fileNotExportable exportSizeLimitExceeded",
    _NOT_FOUND: "notFound NOT_FOUND",
    _TRUNCATED: "requestedRangeNotSatisfiable",
    _UNAVAILABLE: "backendError internalError UNAVAILABLE INTERNAL",
    _BAD_REQUEST: "badRequest invalid invalidParameter required",
}
TABLE = {code: meaning for meaning, codes in CODES.items() for code in codes.split()}
BY_STATUS = {401: _CREDENTIALS, 404: _NOT_FOUND, 416: _TRUNCATED, 429: _RATE_LIMITED}


def verdict(refusal: Refusal) -> Verdict:
    meaning = meaning_by_body(refusal) or _by_status(refusal)
    if meaning.reason == reasons.KEY_REFUSED and refusal.service_account:
        meaning = _ACCOUNT
    sentence = meaning.message.format(
        kind=refusal.kind,
        who="the service account" if refusal.service_account else "GOOGLE_API_KEY",
        status=refusal.status,
        words=_words(refusal),
    )
    wait = retry_after_seconds(refusal.retry_after)
    match meaning:
        case CoolDown(seconds=factor):
            seconds = max(factor * refusal.cool_down, wait or 0.0)
            return CoolDown(meaning.reason, sentence, seconds)
        case TryAgain():
            return type(meaning)(meaning.reason, sentence, wait)
        case _:
            return type(meaning)(meaning.reason, sentence)


def meaning_by_body(refusal: Refusal) -> Verdict | None:
    """What the body means, whatever the status is; None if it is no known error."""
    said = refusal.said
    if is_automated_queries_block(refusal):
        return _AUTOMATED_QUERIES
    if refusal.status == 400 and "pageToken" in said.locations:
        return _TOKEN_INVALID
    known = [TABLE[reason] for reason in (*said.reasons, said.status) if reason in TABLE]
    meaning = next((meaning for meaning in known if meaning is not _BAD_REQUEST), None)
    return _DAILY_LIMIT if meaning is _RATE_LIMITED and said.daily else meaning


def _by_status(refusal: Refusal) -> Verdict:
    status, said = refusal.status, refusal.said
    if status == 403 and not said.reasons and said.status == "PERMISSION_DENIED":
        return _CREDENTIALS  # "The request is missing a valid API key.", without any reason
    if status in (400, 403) and said == Problem():
        return _UNEXPLAINED
    unavailable = status == 408 or status >= 500
    return BY_STATUS.get(status, _UNAVAILABLE if unavailable else _BAD_REQUEST)


def _words(refusal: Refusal) -> str:
    said = refusal.said.message or ", ".join(refusal.said.reasons) or "nothing more"
    words = " ".join(said.split())
    if refusal.secret:
        words = words.replace(refusal.secret, "********")  # Google names the key that it refuses
    return words[:200]


def problem(body: bytes) -> Problem:
    """The words of a JSON error; an empty `Problem` where there is none."""
    try:
        decoded = fields(json.loads(body))
    except (ValueError, RecursionError):
        return Problem()
    error = decoded.get("error")
    if isinstance(error, str):
        message = storable(decoded.get("error_description"))
        return Problem(reasons=(storable(error)[:100],), message=message, of_oauth=True)
    error = fields(error)
    items = _items(error.get("details")) + _items(error.get("errors"))
    # ErrorInfo names the limit: `defaultPerDayPerProject`, or `defaultPerMinutePerProject`.
    limits = [storable(fields(item.get("metadata")).get("quota_limit")) for item in items]
    return Problem(
        reasons=tuple(filter(None, (storable(item.get("reason")) for item in items))),
        locations=tuple(filter(None, (storable(item.get("location")) for item in items))),
        status=storable(error.get("status")),
        message=storable(error.get("message")),
        daily=any("PerDay" in limit for limit in limits),
    )


def _items(value: Any) -> list[dict[str, Any]]:
    items = value[:20] if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def is_automated_queries_block(refusal: Refusal) -> bool:
    """Whether it is Google's page against robots, "We're sorry...", or any HTML page with a 403."""
    if "html" not in refusal.content_type.lower():
        return False
    page = refusal.body.lower()
    return refusal.status == 403 or b"automated queries" in page or b"unusual traffic" in page


def retry_after_seconds(header: str | None) -> float | None:
    """Retry-After, given in seconds or as a date; None where it is absent or makes no sense."""
    try:
        return float(Retry(retry_after_max=3600).parse_retry_after(header or ""))
    except (InvalidHeader, ValueError, OverflowError):
        return None

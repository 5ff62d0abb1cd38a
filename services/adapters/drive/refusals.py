"""What Google's refusals mean for us: the reason decides, not the status.

One table, from `drive-api.md` §1.7. A body may be classic (`errors[]`), of the newer front end
(`status`, `details[]`), HTML, or empty. Nothing else in this project knows Google's reason words.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.reasons import KEY_REFUSED, PAGE_TOKEN_INVALID

LONGEST_RETRY_AFTER = 3600.0
COOL_DOWN = 120.0
"""Seconds to wait at Google's wall against automated queries: minutes, not moments."""


class Asked(Enum):
    """What was asked for, as a sentence names it."""

    FOLDER = "folder"
    FILE = "file"
    ITEM = "item"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer that is not a success. `body` may be cut off."""

    status: int
    content_type: str = ""
    body: bytes = b""
    retry_after: str | None = None


@dataclass(frozen=True)
class Meaning:
    """What to do, under which reason code, and what to tell a person; `{it}` is what was asked."""

    verb: type[Verdict]
    reason: str
    sentence: str


_KEY = Meaning(
    Stop,
    KEY_REFUSED,
    "Google refused the API key: check GOOGLE_API_KEY, and that the key may use the Drive API.",
)
_NO_API = Meaning(
    Stop,
    "drive_api_disabled",
    "The Drive API is not enabled in the Google Cloud project of GOOGLE_API_KEY: enable it there.",
)
_SLOWER = Meaning(RateLimited, "drive_rate_limited", "Google Drive asks for fewer requests.")
_DAY_USED_UP = Meaning(
    Stop,
    "daily_limit_exceeded",
    "The daily limit of the Google Cloud project is used up; it is renewed at midnight, Pacific.",
)
_FILE_QUOTA = Meaning(
    SetAside,
    "download_quota_exceeded",
    "Too many people downloaded this file lately; Google allows it again within 24 hours.",
)
_ABUSIVE = Meaning(
    SetAside, "abusive_file", "Google identified this file as malware or spam and withholds it."
)
_FORBIDDEN = Meaning(
    SetAside, "not_permitted", "The owner of this {it} does not allow it to be downloaded."
)
_NO_BYTES = Meaning(
    SetAside, "not_downloadable", "This is a Google document: it has no bytes to download."
)
_NOT_FOUND = Meaning(
    SetAside,
    "not_found",
    "This {it} does not exist, or it is not shared with anyone who has the link. Older links work "
    "only whole, with their resourcekey.",
)
_OLD_TOKEN = Meaning(
    SetAside, PAGE_TOKEN_INVALID, "Google no longer accepts the place where the listing stood."
)
_TROUBLE = Meaning(TryAgain, "drive_unavailable", "Google Drive had trouble answering.")
_WALL = Meaning(
    RateLimited, "automated_queries", "Google takes this computer's requests for automated queries."
)
_CREDENTIALS = Meaning(
    Stop, KEY_REFUSED, "Google asks for credentials: check that GOOGLE_API_KEY is set and right."
)

TABLE = {
    "keyInvalid": _KEY,
    "API_KEY_INVALID": _KEY,
    "keyExpired": _KEY,
    "ipRefererBlocked": _KEY,
    "API_KEY_SERVICE_BLOCKED": _KEY,
    "API_KEY_HTTP_REFERRER_BLOCKED": _KEY,
    "API_KEY_IP_ADDRESS_BLOCKED": _KEY,
    "authError": _CREDENTIALS,
    "dailyLimitExceededUnreg": _CREDENTIALS,
    "accessNotConfigured": _NO_API,
    "SERVICE_DISABLED": _NO_API,
    "rateLimitExceeded": _SLOWER,
    "userRateLimitExceeded": _SLOWER,
    "sharingRateLimitExceeded": _SLOWER,
    "RATE_LIMIT_EXCEEDED": _SLOWER,
    "RESOURCE_EXHAUSTED": _SLOWER,
    "dailyLimitExceeded": _DAY_USED_UP,
    "downloadQuotaExceeded": _FILE_QUOTA,
    "quotaExceeded": _FILE_QUOTA,
    "cannotDownloadAbusiveFile": _ABUSIVE,
    "invalidAbuseAcknowledgment": _ABUSIVE,
    "cannotDownloadFile": _FORBIDDEN,
    "insufficientFilePermissions": _FORBIDDEN,
    "insufficientPermissions": _FORBIDDEN,
    "appNotAuthorizedToFile": _FORBIDDEN,
    "domainPolicy": _FORBIDDEN,
    "fileNotDownloadable": _NO_BYTES,
    "fileNotExportable": _NO_BYTES,
    "exportSizeLimitExceeded": _NO_BYTES,
    "notFound": _NOT_FOUND,
    "backendError": _TROUBLE,
    "internalError": _TROUBLE,
}


class _Error(msgspec.Struct):
    reason: str = ""
    location: str = ""


class _Problem(msgspec.Struct):
    message: str = ""
    status: str = ""
    errors: list[_Error] = []
    details: list[_Error] = []


class _Body(msgspec.Struct):
    error: _Problem = msgspec.field(default_factory=_Problem)


_decoder = msgspec.json.Decoder(_Body)


def verdict(refusal: Refusal, asked: Asked, now: datetime) -> Verdict:
    """The verb that follows from a refusal, with its reason code and sentence."""
    meaning = _meaning(refusal)
    sentence = meaning.sentence.format(it=asked.value)
    wait = seconds_asked(refusal.retry_after, now)
    if meaning is _WALL:
        return RateLimited(meaning.reason, sentence, max(COOL_DOWN, wait or 0.0))
    if issubclass(meaning.verb, TryAgain):
        return meaning.verb(meaning.reason, sentence, wait)
    return meaning.verb(meaning.reason, sentence)


def _meaning(refusal: Refusal) -> Meaning:
    problem = _problem(refusal.body)
    stated = [*problem.errors, *problem.details]
    if refusal.status == 400 and any(error.location == "pageToken" for error in stated):
        return _OLD_TOKEN
    for reason in (*(error.reason for error in stated), problem.status):
        if reason in TABLE:
            return TABLE[reason]
    return _by_status(refusal, problem, [error.reason for error in stated if error.reason])


def _problem(body: bytes) -> _Problem:
    try:
        return _decoder.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Problem()


def _by_status(refusal: Refusal, problem: _Problem, reasons: list[str]) -> Meaning:
    match refusal.status:
        case 401:
            return _CREDENTIALS
        case 403 if "html" in refusal.content_type:
            return _WALL
        case 403 if not reasons and problem.status == "PERMISSION_DENIED":
            return _CREDENTIALS  # "The request is missing a valid API key.", with no reason at all
        case 404:
            return _NOT_FOUND
        case 408 | 416:
            return _TROUBLE
        case 429:
            return _SLOWER
        case status if status >= 500:
            return _TROUBLE
        case status:
            return _unknown(status, problem, reasons)


def _unknown(status: int, problem: _Problem, reasons: list[str]) -> Meaning:
    said = " ".join((problem.message or ", ".join(reasons) or "nothing more").split())[:200]
    quoted = said.replace("{", "(").replace("}", ")")
    return Meaning(SetAside, "drive_refused", f"Google Drive answered {status} and said: {quoted}")


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

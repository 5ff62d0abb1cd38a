"""What Google's refusals mean for us. The reason decides, not the status.

One table, from `drive-api.md` §1.7. No other module knows Google's reason codes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.adapters.drive.problem import (
    Problem,
    Refusal,
    is_automated_queries_block,
    problem,
    retry_after_seconds,
)
from services.core import errors as reasons
from services.core.errors import CoolDown, Corrupt, RateLimited, SetAside, Stop, TryAgain, Verdict

COOL_DOWN_SECONDS = 600.0  # where the settings say nothing else
DAY_FACTOR = 6.0  # a used-up daily limit is waited for so many times as long


class ItemKind(StrEnum):
    """What a request was about, as a sentence names it."""

    FOLDER = "folder"
    FILE = "file"
    ITEM = "item"


@dataclass(frozen=True, kw_only=True)
class RefusalContext:
    """What decides about a refusal in addition to Google's words; no sentence quotes `secret`."""

    kind: ItemKind
    now: datetime
    service_account: bool = False
    cool_down: float = COOL_DOWN_SECONDS
    secret: str = ""


class Meaning(NamedTuple):
    """In the sentence `{kind}` is what was asked for, and `{who}` the credentials."""

    verb: type[Verdict]
    reason: str
    sentence: str


_KEY = Meaning(
    Stop,
    reasons.KEY_REFUSED,
    "Google refused the API key: check GOOGLE_API_KEY, and that the key may use the Drive API.",
)
_CREDENTIALS = Meaning(
    Stop,
    reasons.KEY_REFUSED,
    "Google asks for credentials: check that GOOGLE_API_KEY is set and right.",
)
_ACCOUNT = Meaning(
    Stop,
    reasons.CREDENTIALS_REFUSED,
    "Google refused the service account: check that the file that GOOGLE_APPLICATION_CREDENTIALS "
    "names is the account's current key, and that the account is not disabled.",
)
_NO_API = Meaning(
    Stop,
    "drive_api_disabled",
    "The Drive API is not enabled in the Google Cloud project of {who}: enable it there.",
)
_RATE_LIMITED = Meaning(
    RateLimited, reasons.DRIVE_RATE_LIMITED, "Google Drive asks for fewer requests."
)
_DAILY_LIMIT = Meaning(
    CoolDown,
    reasons.DAILY_LIMIT,
    "The daily limit of the Google Cloud project is used up until midnight, Pacific time. "
    "Everything waits until then. You can ask for a higher limit in the project's quotas.",
)
_AUTOMATED_QUERIES = Meaning(
    CoolDown,
    reasons.AUTOMATED_QUERIES,
    "Google takes this computer's requests for automated queries and blocks them for a while. "
    "If this happens again, lower DRIVE_QUOTA_UNITS_PER_MINUTE, or use a service account "
    "(GOOGLE_APPLICATION_CREDENTIALS).",
)
_FILE_QUOTA = Meaning(
    SetAside,
    reasons.DOWNLOAD_QUOTA,
    "Too many people downloaded this file lately; Google allows it again within 24 hours.",
)
_ABUSIVE = Meaning(
    SetAside, "abusive_file", "Google identified this file as malware or spam and does not send it."
)
_FORBIDDEN = Meaning(
    SetAside, "not_permitted", "The owner of this {kind} does not allow downloads."
)
_NO_BYTES = Meaning(
    SetAside, "not_downloadable", "This is a Google document, which has no bytes to download."
)
_NOT_FOUND = Meaning(
    SetAside,
    reasons.NOT_FOUND,
    "This {kind} does not exist, or it is not shared with anyone who has the link. Older links "
    "work only as a whole, with their resourcekey.",
)
_TOKEN_INVALID = Meaning(
    SetAside, reasons.PAGE_TOKEN_INVALID, "Google no longer accepts the page token of this listing."
)
_TRUNCATED = Meaning(
    Corrupt,
    reasons.CONTENT_MISMATCH,
    "Google Drive no longer has all the bytes of this {kind} that it listed.",
)
_UNAVAILABLE = Meaning(TryAgain, "drive_unavailable", "Google Drive had trouble answering.")
# Google does not understand the request. That is our fault, so its words are quoted.
_BAD_REQUEST = Meaning(SetAside, "drive_refused", "")

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


def verdict(refusal: Refusal, context: RefusalContext) -> Verdict:
    """The verb that follows from a refusal, with its reason code and sentence."""
    said = problem(refusal.body)
    meaning = _by_body(refusal, said) or _by_status(refusal.status, said)
    return _verdict(meaning, refusal, said, context)


def hidden_error(refusal: Refusal, context: RefusalContext) -> Verdict | None:
    """The error in a response with a success status; None if it contains none."""
    said = problem(refusal.body)
    meaning = _by_body(refusal, said)
    return None if meaning is None else _verdict(meaning, refusal, said, context)


def _verdict(meaning: Meaning, refusal: Refusal, said: Problem, context: RefusalContext) -> Verdict:
    if meaning is _BAD_REQUEST:
        return SetAside(meaning.reason, _quoted(refusal.status, said, context.secret))
    if meaning.reason == reasons.KEY_REFUSED and context.service_account:
        meaning = _ACCOUNT
    who = "the service account" if context.service_account else "GOOGLE_API_KEY"
    sentence = meaning.sentence.format(kind=context.kind, who=who)
    wait = retry_after_seconds(refusal.retry_after, context.now)
    if issubclass(meaning.verb, CoolDown):
        seconds = context.cool_down * (DAY_FACTOR if meaning is _DAILY_LIMIT else 1.0)
        return meaning.verb(meaning.reason, sentence, max(seconds, wait or 0.0))
    if issubclass(meaning.verb, TryAgain):
        return meaning.verb(meaning.reason, sentence, wait)
    return meaning.verb(meaning.reason, sentence)


def _by_body(refusal: Refusal, said: Problem) -> Meaning | None:
    if is_automated_queries_block(refusal):
        return _AUTOMATED_QUERIES
    if refusal.status == 400 and "pageToken" in said.locations:
        return _TOKEN_INVALID
    known = [TABLE[reason] for reason in (*said.reasons, said.status) if reason in TABLE]
    meaning = next((meaning for meaning in known if meaning is not _BAD_REQUEST), None)
    return _DAILY_LIMIT if meaning is _RATE_LIMITED and said.daily else meaning


def _by_status(status: int, said: Problem) -> Meaning:
    if status == 403 and not said.reasons and said.status == "PERMISSION_DENIED":
        return _CREDENTIALS  # "The request is missing a valid API key.", without any reason
    unavailable = status == 408 or status >= 500
    return BY_STATUS.get(status, _UNAVAILABLE if unavailable else _BAD_REQUEST)


def _quoted(status: int, said: Problem, secret: str) -> str:
    words = " ".join((said.message or ", ".join(said.reasons) or "nothing more").split())
    if secret:
        words = words.replace(secret, "********")  # Google names the key that it refuses
    return f"Google Drive answered {status} and said: {words[:200]}"

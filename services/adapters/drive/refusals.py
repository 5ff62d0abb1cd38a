"""What Google's refusals mean for us: the reason decides, not the status.

One table, from `drive-api.md` §1.7. Nothing else in this project knows Google's reason words.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.adapters.drive.problem import Problem, Refusal, is_wall, problem, seconds_asked
from services.core.errors import (
    CoolDown,
    Corrupt,
    RateLimited,
    SetAside,
    Stop,
    TryAgain,
    Verdict,
)
from services.core.reasons import (
    AUTOMATED_QUERIES,
    CONTENT_MISMATCH,
    CREDENTIALS_REFUSED,
    DAILY_LIMIT,
    DOWNLOAD_QUOTA,
    DRIVE_RATE_LIMITED,
    KEY_REFUSED,
    NOT_FOUND,
    PAGE_TOKEN_INVALID,
)

COOL_DOWN_SECONDS = 600.0
"""At the wall, where the settings say nothing else: minutes, not moments."""
DAY_FACTOR = 6.0
"""A used-up day is waited for so many times as long: an hour by default."""


class Asked(Enum):
    """What was asked for, as a sentence names it."""

    FOLDER = "folder"
    FILE = "file"
    ITEM = "item"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Under which a refusal came: what decides beside Google's words."""

    asked: Asked
    now: datetime
    account: bool = False
    cool_down: float = COOL_DOWN_SECONDS


@dataclass(frozen=True)
class Meaning:
    """What to do, under which reason code, and what to tell a person.

    `{it}` is what was asked for, `{who}` the setting that we asked with.
    """

    verb: type[Verdict]
    reason: str
    sentence: str
    times: float = 1.0


_KEY = Meaning(
    Stop,
    KEY_REFUSED,
    "Google refused the API key: check GOOGLE_API_KEY, and that the key may use the Drive API.",
)
_CREDENTIALS = Meaning(
    Stop, KEY_REFUSED, "Google asks for credentials: check that GOOGLE_API_KEY is set and right."
)
_ACCOUNT = Meaning(
    Stop,
    CREDENTIALS_REFUSED,
    "Google refused the service account: check that the file that GOOGLE_APPLICATION_CREDENTIALS "
    "names is the account's current key, and that the account is not disabled.",
)
_NO_API = Meaning(
    Stop,
    "drive_api_disabled",
    "The Drive API is not enabled in the Google Cloud project of {who}: enable it there.",
)
_SLOWER = Meaning(RateLimited, DRIVE_RATE_LIMITED, "Google Drive asks for fewer requests.")
_DAY_USED_UP = Meaning(
    CoolDown,
    DAILY_LIMIT,
    "The daily limit of the Google Cloud project is used up; it is renewed at midnight, Pacific. "
    "Everything waits until then; a higher limit can be asked for in the project's quotas.",
    DAY_FACTOR,
)
_WALL = Meaning(
    CoolDown,
    AUTOMATED_QUERIES,
    "Google takes this computer's requests for automated queries and shuts them out for a while. "
    "If it comes back, lower DRIVE_QUOTA_UNITS_PER_MINUTE, or use a service account "
    "(GOOGLE_APPLICATION_CREDENTIALS).",
)
_FILE_QUOTA = Meaning(
    SetAside,
    DOWNLOAD_QUOTA,
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
    NOT_FOUND,
    "This {it} does not exist, or it is not shared with anyone who has the link. Older links work "
    "only whole, with their resourcekey.",
)
_OLD_TOKEN = Meaning(
    SetAside, PAGE_TOKEN_INVALID, "Google no longer accepts the place where the listing stood."
)
_FEWER_BYTES = Meaning(
    Corrupt, CONTENT_MISMATCH, "Google Drive no longer has the bytes of this {it} that it listed."
)
_TROUBLE = Meaning(TryAgain, "drive_unavailable", "Google Drive had trouble answering.")
_UNFIT = Meaning(SetAside, "drive_refused", "")
"""A request that Google cannot make sense of. That is ours to mend, so it is quoted."""


def _all(meaning: Meaning, *reasons: str) -> dict[str, Meaning]:
    return dict.fromkeys(reasons, meaning)


# The words in capitals are those of the newer front end: ErrorInfo's, and `google.rpc.Code`.
TABLE = {
    **_all(_KEY, "keyInvalid", "keyExpired", "ipRefererBlocked", "API_KEY_INVALID"),
    **_all(_KEY, "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED"),
    **_all(_KEY, "API_KEY_IP_ADDRESS_BLOCKED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED"),
    **_all(_CREDENTIALS, "authError", "dailyLimitExceededUnreg", "UNAUTHENTICATED"),
    **_all(_CREDENTIALS, "CREDENTIALS_MISSING", "ACCESS_TOKEN_EXPIRED"),
    **_all(_CREDENTIALS, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    **_all(_CREDENTIALS, "invalid_grant", "invalid_client", "invalid_token"),
    **_all(_CREDENTIALS, "unauthorized_client", "invalid_scope", "access_denied"),
    **_all(_NO_API, "accessNotConfigured", "SERVICE_DISABLED"),
    **_all(_SLOWER, "rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"),
    **_all(_SLOWER, "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"),
    **_all(_DAY_USED_UP, "dailyLimitExceeded"),
    **_all(_FILE_QUOTA, "downloadQuotaExceeded", "quotaExceeded"),
    **_all(_ABUSIVE, "cannotDownloadAbusiveFile", "invalidAbuseAcknowledgment"),
    **_all(_FORBIDDEN, "cannotDownloadFile", "insufficientFilePermissions"),
    **_all(_FORBIDDEN, "insufficientPermissions", "appNotAuthorizedToFile", "domainPolicy"),
    **_all(_NO_BYTES, "fileNotDownloadable", "fileNotExportable", "exportSizeLimitExceeded"),
    **_all(_NOT_FOUND, "notFound", "NOT_FOUND"),
    **_all(_FEWER_BYTES, "requestedRangeNotSatisfiable"),
    **_all(_TROUBLE, "backendError", "internalError", "UNAVAILABLE", "INTERNAL"),
    **_all(_UNFIT, "badRequest", "invalid", "invalidParameter", "required"),
}


def verdict(refusal: Refusal, circumstances: Circumstances) -> Verdict:
    """The verb that follows from a refusal, with its reason code and sentence."""
    said = problem(refusal.body)
    meaning = _in_disguise(refusal, said) or _by_status(refusal, said)
    return _verdict(meaning, refusal, said, circumstances)


def verdict_in_disguise(refusal: Refusal, circumstances: Circumstances) -> Verdict | None:
    """What an answer means that calls itself a success and is an error; None if it is none."""
    said = problem(refusal.body)
    meaning = _in_disguise(refusal, said)
    return None if meaning is None else _verdict(meaning, refusal, said, circumstances)


def _verdict(
    meaning: Meaning, refusal: Refusal, said: Problem, circumstances: Circumstances
) -> Verdict:
    if meaning is _UNFIT:
        return SetAside(meaning.reason, _quoted(refusal.status, said))
    if meaning.reason == KEY_REFUSED and circumstances.account:
        meaning = _ACCOUNT
    sentence = meaning.sentence.format(
        it=circumstances.asked.value,
        who="the service account" if circumstances.account else "GOOGLE_API_KEY",
    )
    wait = seconds_asked(refusal.retry_after, circumstances.now)
    if issubclass(meaning.verb, CoolDown):
        seconds = circumstances.cool_down * meaning.times
        return meaning.verb(meaning.reason, sentence, max(seconds, wait or 0.0))
    if issubclass(meaning.verb, TryAgain):
        return meaning.verb(meaning.reason, sentence, wait)
    return meaning.verb(meaning.reason, sentence)


def _in_disguise(refusal: Refusal, said: Problem) -> Meaning | None:
    """What the body alone says, whatever its status."""
    if is_wall(refusal):
        return _WALL
    if refusal.status == 400 and "pageToken" in said.locations:
        return _OLD_TOKEN
    known = [TABLE[reason] for reason in (*said.reasons, said.status) if reason in TABLE]
    meaning = next((meaning for meaning in known if meaning is not _UNFIT), None)
    return _DAY_USED_UP if meaning is _SLOWER and said.a_day else meaning


def _by_status(refusal: Refusal, said: Problem) -> Meaning:
    """What the status says where the body says nothing that we know."""
    match refusal.status:
        case 401:
            return _CREDENTIALS
        case 403 if not said.reasons and said.status == "PERMISSION_DENIED":
            return _CREDENTIALS  # "The request is missing a valid API key.", with no reason at all
        case 404:
            return _NOT_FOUND
        case 408:
            return _TROUBLE
        case 416:
            return _FEWER_BYTES
        case 429:
            return _SLOWER
        case status if status >= 500:
            return _TROUBLE
        case _:
            return _UNFIT


def _quoted(status: int, said: Problem) -> str:
    words = " ".join((said.message or ", ".join(said.reasons) or "nothing more").split())[:200]
    return f"Google Drive answered {status} and said: {words}"

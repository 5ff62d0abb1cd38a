"""What an answer of the store means: one table of its codes.

Amazon's codes are those of its API reference. Others are those of MinIO, Ceph, SeaweedFS,
Cloudflare R2, Backblaze B2 and Alibaba. Where a store has words of its own, a person reads them.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict

Verb = type[TryAgain | SetAside | Stop]


@dataclass(frozen=True)
class Meaning:
    """`says` may name {store}, {bucket}, {words} and {now}. {words} are the store's own."""

    verb: Verb
    reason: str
    says: str = "{answer}."


# It passes. What the store did not say by itself may be the line's doing.
PASSES = Meaning(TryAgain, "store_unavailable")
SLOW_DOWN = Meaning(RateLimited, "store_slow_down", "{store} is limiting our request rate.")
# The fault of one object.
MISSING = Meaning(
    SetAside,
    "object_missing",
    "{store} has no object for this file. Replay the file to download it again.",
)
KEY_REFUSED = Meaning(
    SetAside, "object_key_refused", "{store} rejected the object's name: {words}."
)
OBJECT_REFUSED = Meaning(SetAside, "store_refused_object")
# It fails every file alike until somebody acts.
NO_BUCKET = Meaning(
    Stop,
    "no_bucket",
    "{store} has no bucket {bucket}. Check S3_BUCKET, or run `drivestream setup`.",
)
REFUSED = Meaning(
    Stop,
    "store_refused",
    "{store} denied access: {words}. Check the AWS_ settings and the permissions of this key.",
)
EXPIRED = Meaning(
    Stop,
    "store_refused",
    "{store} rejected the keys: {words}. Set valid keys, with their AWS_SESSION_TOKEN if they are "
    "temporary.",
)
REGION = Meaning(
    Stop,
    "store_region",
    "{store} says that bucket {bucket} is in another region: {words}. Set AWS_REGION, and "
    "S3_ENDPOINT_URL if you use it, to the region of the bucket.",
)
CLOCK = Meaning(
    Stop,
    "store_clock",
    "{store} rejected the request because its clock differs from this machine's: {words}. This "
    "machine says {now} UTC. Correct the wrong clock.",
)
BUCKET_REFUSES = Meaning(
    Stop,
    "store_settings",
    "{store} rejects every file: {words}. Check the settings of bucket {bucket}.",
)
ENCRYPTION = Meaning(
    Stop,
    "store_settings",
    "{store} rejects every file: {words}. Check S3_SERVER_SIDE_ENCRYPTION and S3_KMS_KEY_ID, and "
    "the encryption settings of bucket {bucket}.",
)
ADDRESS = Meaning(
    Stop, "store_settings", "{store} rejects every request: {words}. Check S3_ENDPOINT_URL."
)
FULL = Meaning(Stop, "store_full", "{store} is full: {words}. Free some space.")
# Nobody knows. Tried again; then set aside if the store works for others.
UNKNOWN = Meaning(TryAgain, "store_refused_object")

TABLE: Mapping[Meaning, str] = {
    PASSES: "RequestTimeout NoSuchUpload IncompleteBody BadDigest XAmzContentSHA256Mismatch "
    "XAmzContentChecksumMismatch InvalidPart InvalidPartOrder OperationAborted "
    "ConditionalRequestConflict ClientDisconnected ClientDisconnect ConnectionClosedByRequester "
    "InternalError ServiceUnavailable Busy XMinioServerNotInitialized XMinioBackendDown",
    SLOW_DOWN: "SlowDown SlowDownRead SlowDownWrite TooManyRequests RequestLimitExceeded "
    "Throttling ThrottlingException ThrottledException RequestThrottled BandwidthLimitExceeded "
    "RateLimitExceeded QpsLimitExceeded KMS.ThrottlingException",
    MISSING: "NoSuchKey",
    KEY_REFUSED: "KeyTooLong KeyTooLongError XMinioInvalidObjectName InvalidObjectName InvalidURI "
    "XMinioParentIsObject XMinioObjectExistsAsDirectory XMinioInvalidUTF ExistingObjectIsDirectory "
    "ExistingObjectIsFile",
    OBJECT_REFUSED: "EntityTooLarge EntityTooSmall MetadataTooLarge InvalidTag ObjectLocked "
    "ObjectLockedByBucketPolicy FileImmutable InvalidObjectState MaxVersionsExceeded",
    NO_BUCKET: "NoSuchBucket InvalidBucketName",
    REFUSED: "AccessDenied InvalidAccessKeyId SignatureDoesNotMatch AccountProblem "
    "AllAccessDisabled NotSignedUp InvalidSecurity Unauthorized UnauthorizedAccess Forbidden "
    "InvalidPayer UserSuspended NotEntitled",
    EXPIRED: "ExpiredToken InvalidToken InvalidTokenId TokenRefreshRequired",
    REGION: "AuthorizationHeaderMalformed PermanentRedirect TemporaryRedirect Redirect "
    "IllegalLocationConstraintException InvalidRegion InvalidLocationConstraint IncorrectEndpoint "
    "EndpointNotFound",
    CLOCK: "RequestTimeTooSkewed RequestExpired ExpiredRequest",
    BUCKET_REFUSES: "NotImplemented MethodNotAllowed MissingContentMD5 InvalidStorageClass "
    "InvalidBucketState",
    ENCRYPTION: "InvalidEncryptionAlgorithm InvalidEncryptionAlgorithmError KMSNotConfigured "
    "KMSKeyNotFoundException KMS.NotFoundException KMS.DisabledException "
    "KMS.KMSInvalidStateException KMS.InvalidKeyUsageException KMS.KMSAccessDeniedException",
    ADDRESS: "XMinioInsecureClientRequest InvalidHostHeader",
    FULL: "XMinioStorageFull XMinioStorageQuotaExceeded XMinioAdminBucketQuotaExceeded "
    "QuotaExceeded StorageQuotaExceeded InsufficientStorage InsufficientCapacity",
}
MEANINGS = {code: meaning for meaning, codes in TABLE.items() for code in codes.split()}
REASONS = {code: meaning.reason for code, meaning in MEANINGS.items()}
BY_STATUS = {
    **dict.fromkeys((301, 302, 307, 308), REGION),
    **dict.fromkeys((401, 402, 403), REFUSED),
    404: NO_BUCKET,
    **dict.fromkeys((405, 501), BUCKET_REFUSES),
    # Timeout, conflict, too early, and MinIO's answer to requests that it breaks off when stopped.
    **dict.fromkeys((408, 409, 425, 499), PASSES),
    413: OBJECT_REFUSED,
    429: SLOW_DOWN,
    507: FULL,
}
"""For answers without a code, or with one that the table lacks; such a 404 or 3xx is unknown."""
BY_CODE_ONLY = {301, 302, 307, 308, 404}
GENERAL = {"", "InvalidRequest", "InvalidArgument", "NotImplemented", "AccessDenied", "BadRequest"}
"""Codes that stores give for several things. Then their words tell which."""
SAYS_MORE = [
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"WORM protected", OBJECT_REFUSED),
        (r"\b(cap|quota) (is )?exceeded", FULL),
        (r"\bKMS\b|encryption", ENCRYPTION),
        (r"HTTP request to an? HTTPS server|plain HTTP request was sent to HTTPS", ADDRESS),
        (r"checksum|Content-MD5|Object Lock", BUCKET_REFUSES),
        (r"authori[sz]ation mechanism|setting up \w+ S3 authentication", REFUSED),
    )
]
KNOWS_NO_CHECKSUM = re.compile(
    r"x-amz-(sdk-)?checksum.*\b(not implemented|not supported)|unsupported.*x-amz-(sdk-)?checksum",
    re.IGNORECASE,
)
"""As Cloudflare R2 says for parts, and Backblaze B2 for all uploads."""
BARE_REDIRECT = "it sent a redirect without a target"
BAD_PATH, BARE_REDIRECT_ERROR = "Could not parse path", "BareRedirect"
"""Of obstore's errors, what tells them."""
WORDS = 200

_CODE = re.compile(r"<Code>([\w.-]{1,64})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,600})")
_TITLE = re.compile(r"<title>([^<]{1,200})</title>", re.IGNORECASE)
_PLAIN = re.compile(r"status code: \d{3}[^:<\n]*: ([^<\n]{1,200})")
_SERVER_TIME = re.compile(r"<ServerTime>([\w:.-]{1,40})")
_STATUS = re.compile(r"status code: (\d{3})")
_NOT_CONNECTED = re.compile(r"kind:\s+Connect\b")
NOT_TRUSTED = "its certificate is not trusted, or is for another host. Check S3_CA_FILE"
CAUSES = {
    "dns error": "its host name is not known. Check S3_ENDPOINT_URL",
    "failed to lookup address": "its host name is not known. Check S3_ENDPOINT_URL",
    "Connection refused": "the connection was refused",
    "InvalidContentType": "it does not speak TLS there. Check S3_ENDPOINT_URL",
    "InvalidCertificate": NOT_TRUSTED,
    "invalid peer certificate": NOT_TRUSTED,
}
"""What the libraries write of a connection that failed, and what a person can do about it."""


def code_of(error: str) -> str:
    return _first(_CODE, error)


def verdict(error: str, *, bucket: str, address: str) -> Verdict:
    """What follows from obstore's error, which has the answer in its text."""
    store = f"The object store at {address}"
    if error.startswith(BAD_PATH):
        return SetAside("object_key_refused", f"{store} does not allow an object with this name.")
    status, code = int(_first(_STATUS, error) or 0), code_of(error)
    words = words_of(error)
    if BARE_REDIRECT_ERROR in error:
        code, words = "Redirect", BARE_REDIRECT
    if not status and not code:
        how = "cannot be reached" if _NOT_CONNECTED.search(error) else "did not answer"
        cause = next((f": {says}" for sign, says in CAUSES.items() if sign in error), "")
        return TryAgain("store_unreachable", f"{store} {how}{cause}.")
    return verdict_of(status, code, words, bucket=bucket, address=address)


def verdict_of(status: int, code: str, words: str, *, bucket: str, address: str) -> Verdict:
    store, meaning = f"The object store at {address}", meaning_of(status, code, words)
    said = f"{store} answered {status or 'an error'}"
    if words or code:
        said += f": {words or code}"
    message = meaning.says.format(
        store=store,
        bucket=bucket,
        words=words or code or status,
        answer=said,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
    )
    return meaning.verb(meaning.reason, message)


def meaning_of(status: int, code: str, words: str) -> Meaning:
    if code in GENERAL and (status < 500 or status == 501):
        for pattern, meaning in SAYS_MORE:
            if pattern.search(words):
                return meaning
    known = MEANINGS.get(code)
    if known is None and not (code and status in BY_CODE_ONLY):
        known = BY_STATUS.get(status)
    return known or (PASSES if status >= 500 else UNKNOWN)


def knows_no_checksum(error: str) -> bool:
    """Whether the store refuses a request because of the checksum that comes with it."""
    return bool(KNOWS_NO_CHECKSUM.search(words_of(error)))


def words_of(error: str) -> str:
    """The store's own sentence, on one line and without its full stop; else that of whatever
    stands before it, which may be a page."""
    said = _first(_MESSAGE, error) or _first(_TITLE, error) or _first(_PLAIN, error)
    words = " ".join(html.unescape(said).split())[:WORDS].rstrip(".")
    there = _first(_SERVER_TIME, error)
    return f"{words}; the store says {there}" if there else words


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""

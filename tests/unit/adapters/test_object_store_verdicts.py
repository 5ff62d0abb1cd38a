"""What obstore says when a request fails, and which verb follows. The messages are obstore's own,
shortened, as seen on MinIO and on servers that answered wrongly on purpose."""

import pytest

from services.adapters.store.answers import NO_BUCKET, TABLE, knows_no_checksum, verdict
from services.adapters.store.objects import header_type
from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict


def answered(status: int, code: str = "", words: str = "…", more: str = "") -> str:
    said = f"<Error><Code>{code}</Code><Message>{words}</Message>{more}</Error>"
    body = said if code else ""
    return (
        "Generic S3 error: Error performing PUT http://127.0.0.1:9/b/k in 1.5ms - Server returned "
        f"non-2xx status code: {status} Some Reason: {body}\n\nDebug source: …"
    )


def broken(kind: str) -> str:
    return (
        "Generic S3 error: Error performing PUT http://127.0.0.1:9/b/k in 101.0ms, after 2 retries,"
        " max_retries: 2, retry_timeout: 10s  - HTTP error: error sending request\n\nDebug source:"
        f"\nGeneric {{ inner: Http( HttpError {{ kind: {kind}, source: reqwest::Error }} ) }}"
    )


BARE_REDIRECT = (
    "Generic S3 error: Error performing PUT http://127.0.0.1:9/b/k in 1ms - Received redirect "
    "without LOCATION, this normally indicates an incorrectly configured region\n\nDebug source:\n"
    "Generic { inner: BareRedirect }"
)


@pytest.mark.parametrize(
    ("said", "verb", "reason"),
    [
        (answered(404, "NoSuchBucket"), Stop, "no_bucket"),
        (answered(404), Stop, "no_bucket"),
        (answered(403, "AccessDenied"), Stop, "store_refused"),
        (answered(403, "InvalidAccessKeyId"), Stop, "store_refused"),
        (answered(403, "SignatureDoesNotMatch"), Stop, "store_refused"),
        (answered(403, "RequestTimeTooSkewed"), Stop, "store_clock"),
        (answered(403), Stop, "store_refused"),
        (answered(401), Stop, "store_refused"),
        (answered(400, "ExpiredToken"), Stop, "store_refused"),
        (BARE_REDIRECT, Stop, "store_region"),
        (answered(301, "PermanentRedirect"), Stop, "store_region"),
        (answered(400, "AuthorizationHeaderMalformed"), Stop, "store_region"),
        (answered(307), Stop, "store_region"),
        (answered(501, "NotImplemented"), Stop, "store_settings"),
        (answered(405, "MethodNotAllowed"), Stop, "store_settings"),
        (answered(400, "KMS.NotFoundException"), Stop, "store_settings"),
        (answered(507, "XMinioStorageFull"), Stop, "store_full"),
        (answered(507), Stop, "store_full"),
        (broken("Connect"), TryAgain, "store_unreachable"),
        (answered(503, "XMinioServerNotInitialized"), TryAgain, "store_unavailable"),
        (answered(499, "ClientDisconnected"), TryAgain, "store_unavailable"),
        (answered(503, "SlowDown"), RateLimited, "store_slow_down"),
        (answered(429), RateLimited, "store_slow_down"),
        (answered(400, "KeyTooLongError"), SetAside, "object_key_refused"),
        (answered(400, "XMinioInvalidObjectName"), SetAside, "object_key_refused"),
        ('Could not parse path: Error parsing Path "x/.."', SetAside, "object_key_refused"),
        (answered(400, "EntityTooLarge"), SetAside, "store_refused_object"),
        (answered(500, "InternalError"), TryAgain, "store_unavailable"),
        (answered(500), TryAgain, "store_unavailable"),
        (answered(502), TryAgain, "store_unavailable"),
        (answered(503), TryAgain, "store_unavailable"),
        (answered(504), TryAgain, "store_unavailable"),
        (answered(408, "RequestTimeout"), TryAgain, "store_unavailable"),
        (answered(400, "RequestTimeout"), TryAgain, "store_unavailable"),
        (answered(404, "NoSuchUpload"), TryAgain, "store_unavailable"),
        (answered(400, "IncompleteBody"), TryAgain, "store_unavailable"),
        (answered(400, "BadDigest"), TryAgain, "store_unavailable"),
        (answered(400, "InvalidPart"), TryAgain, "store_unavailable"),
        (answered(400, "XAmzContentSHA256Mismatch"), TryAgain, "store_unavailable"),
        (answered(408), TryAgain, "store_unavailable"),
        (answered(425), TryAgain, "store_unavailable"),
        (answered(599, "Whatever"), TryAgain, "store_unavailable"),
        (answered(400, "ThrottlingException"), RateLimited, "store_slow_down"),
        (answered(400, "NobodyKnowsThis"), TryAgain, "store_refused_object"),
        (answered(404, "NobodyKnowsThis"), TryAgain, "store_refused_object"),
        (answered(400, "InvalidRequest"), TryAgain, "store_refused_object"),
        (answered(418), TryAgain, "store_refused_object"),
        (answered(412, "PreconditionFailed"), TryAgain, "store_refused_object"),
        (answered(413), SetAside, "store_refused_object"),
        (answered(409, "OperationAborted"), TryAgain, "store_unavailable"),
        (broken("Timeout"), TryAgain, "store_unreachable"),
        ("Unable to extract metadata from headers", TryAgain, "store_unreachable"),
        # Of other stores: Ceph, SeaweedFS, R2, B2, Alibaba, and proxies before them.
        (answered(402), Stop, "store_refused"),
        (answered(403, "UserSuspended"), Stop, "store_refused"),
        (answered(403, "QuotaExceeded"), Stop, "store_full"),
        (answered(403, "NotEntitled"), Stop, "store_refused"),
        (answered(400, "ExpiredRequest"), Stop, "store_clock"),
        (answered(400, "ClientDisconnect"), TryAgain, "store_unavailable"),
        (answered(400, "XMinioBackendDown"), TryAgain, "store_unavailable"),
        (answered(429, "ErrTooManyRequest"), RateLimited, "store_slow_down"),
        (answered(400, "KMS.ThrottlingException"), RateLimited, "store_slow_down"),
        (answered(409, "ExistingObjectIsDirectory"), SetAside, "object_key_refused"),
        (answered(403, "ObjectLockedByBucketPolicy"), SetAside, "store_refused_object"),
        (answered(403, "InvalidObjectState"), SetAside, "store_refused_object"),
        (answered(409, "FileImmutable"), SetAside, "store_refused_object"),
        (answered(400, "XMinioInsecureClientRequest"), Stop, "store_settings"),
        (answered(409), TryAgain, "store_unavailable"),
    ],
)
def test_what_the_store_said_decides(said: str, verb: type[Verdict], reason: str) -> None:
    found = verdict(said, bucket="pictures", address="http://store:9000")
    assert (type(found), found.reason) == (verb, reason)
    assert found.message.endswith(".")
    assert "pictures" in found.message or "http://store:9000" in found.message


LOCKED = (
    "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object "
    "Lock parameters"
)
SKEWED = "The difference between the request time and the current time is too large."
WRONG_REGION = "the region &apos;us-east-1&apos; is wrong; expecting &apos;eu-west-1&apos;"


@pytest.mark.parametrize(
    ("said", "reason", "parts"),
    [
        (answered(400, "InvalidRequest", LOCKED), "store_settings", [LOCKED, "bucket pictures"]),
        (
            answered(403, "RequestTimeTooSkewed", SKEWED, "<ServerTime>2026-01-01T00:00:00Z"),
            "store_clock",
            ["clock", SKEWED.rstrip("."), "the store says 2026-01-01T00:00:00Z", "UTC"],
        ),
        (
            answered(400, "AuthorizationHeaderMalformed", WRONG_REGION),
            "store_region",
            ["'us-east-1' is wrong; expecting 'eu-west-1'", "AWS_REGION"],
        ),
        (BARE_REDIRECT, "store_region", ["redirect", "AWS_REGION"]),
        (answered(403, "AccessDenied", "Nobody may write."), "store_refused", ["Nobody may write"]),
        (answered(400, "ExpiredToken", "Expired."), "store_refused", ["AWS_SESSION_TOKEN"]),
        (answered(403), "store_refused", ["403"]),
    ],
)
def test_what_fails_every_file_stops_with_the_store_s_own_words(
    said: str, reason: str, parts: list[str]
) -> None:
    found = verdict(said, bucket="pictures", address="http://store:9000")
    assert (type(found), found.reason) == (Stop, reason)
    assert [part for part in parts if part not in found.message] == []
    assert "(0)" not in found.message


NO_KMS = "Server side encryption specified but KMS is not configured"
WORM = "Object is WORM protected and cannot be overwritten"
OLD_WAY = "The authorization mechanism you have provided is not supported"
NO_RIGHT = "User: arn:x is not authorized to perform: kms:GenerateDataKey on resource: k"


@pytest.mark.parametrize(
    ("said", "verb", "reason", "part"),
    [
        (answered(501, "NotImplemented", NO_KMS), Stop, "store_settings", "S3_SERVER_SIDE_ENCRYPT"),
        (answered(403, "AccessDenied", NO_RIGHT), Stop, "store_settings", "S3_KMS_KEY_ID"),
        (answered(403, "AccessDenied", "Storage cap exceeded."), Stop, "store_full", "is full"),
        (answered(400, "InvalidRequest", WORM), SetAside, "store_refused_object", WORM),
        (answered(400, "InvalidRequest", OLD_WAY), Stop, "store_refused", OLD_WAY),
        (answered(400, "InvalidArgument", "The moon."), TryAgain, "store_refused_object", "moon"),
        # A busy store may say anything of itself.
        (answered(503, "InvalidRequest", "KMS is starting"), TryAgain, "store_unavailable", "KMS"),
    ],
)
def test_where_a_code_says_too_little_the_words_tell(
    said: str, verb: type[Verdict], reason: str, part: str
) -> None:
    found = verdict(said, bucket="pictures", address="http://store:9000")
    assert (type(found), found.reason) == (verb, reason)
    assert part in found.message


PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
TO_NGINX = "The plain HTTP request was sent to HTTPS port"
TO_TLS = "Client sent an HTTP request to an HTTPS server."


@pytest.mark.parametrize(
    ("status", "body", "verb", "words"),
    [
        (502, PAGE, TryAgain, "502 Bad Gateway"),
        (503, "no healthy upstream", TryAgain, "no healthy upstream"),
        (413, "<html><title>413 Request Entity Too Large</title>", SetAside, "Entity Too Large"),
        (400, TO_TLS, Stop, "an HTTPS server. Check S3_ENDPOINT_URL."),
        (
            400,
            "<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
            Stop,
            "to ",
        ),
        (403, "<html><title>Blocked</title>", Stop, "denied access: Blocked"),
    ],
)
def test_what_stands_before_a_store_is_quoted_too(
    status: int, body: str, verb: type[Verdict], words: str
) -> None:
    said = answered(status).replace("Some Reason: ", f"Some Reason: {body}")
    found = verdict(said, bucket="pictures", address="http://store:9000")
    assert type(found) is verb
    assert words in found.message
    assert "<" not in found.message


@pytest.mark.parametrize(
    ("words", "knows_none"),
    [
        ("Header 'x-amz-checksum-algorithm' with value 'SHA256' not implemented", True),
        ("Unsupported header 'x-amz-checksum-sha256' received for this API call.", True),
        ("Unsupported header 'x-amz-sdk-checksum-algorithm' received for this API call.", True),
        (LOCKED, False),
        ("The provided 'x-amz-checksum' header does not match what was computed.", False),
        ("Value for x-amz-checksum-sha256 header is invalid.", False),
        (NO_KMS, False),
    ],
)
def test_a_store_that_knows_no_checksum_is_told_from_one_that_wants_one(
    words: str, knows_none: bool
) -> None:
    assert knows_no_checksum(answered(400, "InvalidArgument", words)) is knows_none


def test_what_nobody_knows_is_told_in_the_store_s_own_sentence() -> None:
    said = answered(400, "Odd", "The moon\n  is &lt;full&gt;.")
    found = verdict(said, bucket="pictures", address="http://store:9000")
    assert (
        found.message == "The object store at http://store:9000 answered 400: The moon is <full>."
    )


def test_no_code_has_two_meanings() -> None:
    codes = [code for codes in TABLE.values() for code in codes.split()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("image/jpeg", "image/jpeg"),
        ("image/svg+xml", "image/svg+xml"),
        ("image/jp\neg", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("ïmage/png", "application/octet-stream"),
        ("image/png; charset=evil\r\nX: y", "application/octet-stream"),
    ],
)
def test_a_content_type_that_cannot_be_a_header_becomes_bytes(given: str, kept: str) -> None:
    assert header_type(given) == kept


def test_a_bucket_that_is_missing_is_named_with_what_to_do() -> None:
    assert NO_BUCKET.says == (
        "{store} has no bucket {bucket}. Check S3_BUCKET, or run `drivestream setup`."
    )


def test_an_error_in_an_answer_with_status_200_is_told_without_a_status() -> None:
    """As S3 answers the end of a long upload in parts."""
    said = (
        "Generic S3 error: <Error><Code>InternalError</Code><Message>Try again.</Message></Error>"
    )
    answer = verdict(said, bucket="b", address="http://store:9000")
    assert isinstance(answer, TryAgain)
    assert answer.message == "The object store at http://store:9000 answered an error: Try again."

"""What obstore says when a request fails, and which verb follows. The messages are obstore's own,
shortened, as seen on MinIO and on servers that answered wrongly on purpose."""

import pytest

from services.adapters.store.objects import header_type, verdict
from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict


def answered(status: int, code: str = "") -> str:
    body = f"<Error><Code>{code}</Code><Message>…</Message></Error>" if code else ""
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
        (answered(403, "RequestTimeTooSkewed"), Stop, "store_refused"),
        (answered(403), Stop, "store_refused"),
        (BARE_REDIRECT, Stop, "store_refused"),
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
        (answered(409, "OperationAborted"), TryAgain, "store_unavailable"),
        (broken("Timeout"), TryAgain, "store_unreachable"),
        ("Unable to extract metadata from headers", TryAgain, "store_unreachable"),
    ],
)
def test_what_the_store_said_decides(said: str, verb: type[Verdict], reason: str) -> None:
    found = verdict(said, bucket="pictures", address="http://store:9000")
    assert (type(found), found.reason) == (verb, reason)
    assert found.message.endswith(".")
    assert "pictures" in found.message or "http://store:9000" in found.message


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

"""Every row of `drive-api.md` §1.7: what Google says, and which verb follows."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.drive.refusals import (
    TABLE,
    ItemKind,
    Refusal,
    meaning_by_body,
    retry_after_seconds,
    verdict,
)
from services.core.errors import CoolDown, Corrupt, RateLimited, SetAside, Stop, TryAgain, Verdict

HTML = "text/html; charset=UTF-8"
SORRY = b"<html>We're sorry... but your computer or network may be sending Automated Queries."
# Every reason that the table of §1.7 names, and those of the newer front end beside it.
REASONS = [
    "badRequest",
    "invalid",
    "invalidParameter",
    "required",
    "keyInvalid",
    "API_KEY_INVALID",
    "authError",
    "dailyLimitExceededUnreg",
    "accessNotConfigured",
    "SERVICE_DISABLED",
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "dailyLimitExceeded",
    "downloadQuotaExceeded",
    "quotaExceeded",
    "cannotDownloadAbusiveFile",
    "invalidAbuseAcknowledgment",
    "cannotDownloadFile",
    "insufficientFilePermissions",
    "appNotAuthorizedToFile",
    "domainPolicy",
    "fileNotDownloadable",
    "fileNotExportable",
    "exportSizeLimitExceeded",
    "sharingRateLimitExceeded",
    "notFound",
    "requestedRangeNotSatisfiable",
    "backendError",
    "internalError",
    "RATE_LIMIT_EXCEEDED",
]


def classic(reason: str, location: str = "", message: str = "") -> bytes:
    error = {"domain": "global", "reason": reason, "location": location, "message": message}
    return json.dumps({"error": {"errors": [error], "code": 403, "message": message}}).encode()


def newer(reason: str, status: str = "PERMISSION_DENIED", limit: str = "") -> bytes:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
    details = [info | {"metadata": {"quota_limit": limit}}, {"@type": "…Help", "links": []}]
    return json.dumps({"error": {"status": status, "code": 403, "details": details}}).encode()


def both(reason: str, info: str, limit: str = "") -> bytes:
    """As the front ends of today answer: the old list and the new details together."""
    old, new = json.loads(classic(reason))["error"], json.loads(newer(info, limit=limit))["error"]
    return json.dumps({"error": old | new}).encode()


def judged(refusal: Refusal, kind: ItemKind = "file", account: bool = False) -> Verdict:
    return verdict(replace(refusal, kind=kind, service_account=account))


def said(status: int, body: bytes = b"", content_type: str = "application/json") -> Verdict:
    return judged(Refusal(status=status, body=body, content_type=content_type))


@pytest.mark.parametrize(
    ("status", "body", "verb", "reason"),
    [
        (400, classic("keyInvalid"), Stop, "key_refused"),
        (400, newer("API_KEY_INVALID", "INVALID_ARGUMENT"), Stop, "key_refused"),
        (400, both("badRequest", "API_KEY_INVALID"), Stop, "key_refused"),
        (400, classic("invalid", location="pageToken"), SetAside, "page_token_invalid"),
        (400, classic("invalid", location="q"), SetAside, "drive_refused"),
        (400, classic("badRequest", location="orderBy"), SetAside, "drive_refused"),
        (400, classic("invalidParameter", location="fields"), SetAside, "drive_refused"),
        (400, classic("required", location="fields"), SetAside, "drive_refused"),
        (401, classic("authError"), Stop, "key_refused"),
        (401, classic("required", location="Authorization"), Stop, "key_refused"),
        (401, b"", Stop, "key_refused"),
        (401, newer("ACCESS_TOKEN_EXPIRED", "UNAUTHENTICATED"), Stop, "key_refused"),
        (400, b'{"error": "invalid_grant", "error_description": "x"}', Stop, "key_refused"),
        (403, classic("dailyLimitExceededUnreg"), Stop, "key_refused"),
        (403, b'{"error": {"status": "PERMISSION_DENIED"}}', Stop, "key_refused"),
        (403, both("forbidden", "API_KEY_HTTP_REFERRER_BLOCKED"), Stop, "key_refused"),
        (403, both("ipRefererBlocked", "API_KEY_IP_ADDRESS_BLOCKED"), Stop, "key_refused"),
        (403, classic("accessNotConfigured"), Stop, "drive_api_disabled"),
        (403, newer("SERVICE_DISABLED"), Stop, "drive_api_disabled"),
        (403, classic("rateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (403, classic("userRateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (403, newer("RATE_LIMIT_EXCEEDED"), RateLimited, "drive_rate_limited"),
        (
            403,
            both("rateLimitExceeded", "RATE_LIMIT_EXCEEDED", "defaultPerMinutePerProject"),
            RateLimited,
            "drive_rate_limited",
        ),
        (429, classic("rateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (429, b'{"error": {"status": "RESOURCE_EXHAUSTED"}}', RateLimited, "drive_rate_limited"),
        (429, b"", RateLimited, "drive_rate_limited"),
        (403, classic("dailyLimitExceeded"), CoolDown, "daily_limit_exceeded"),
        (
            429,
            both("rateLimitExceeded", "RATE_LIMIT_EXCEEDED", "defaultPerDayPerProject"),
            CoolDown,
            "daily_limit_exceeded",
        ),
        (403, classic("downloadQuotaExceeded"), SetAside, "download_quota_exceeded"),
        (
            403,
            classic("quotaExceeded", location="quota.download"),
            SetAside,
            "download_quota_exceeded",
        ),
        (403, classic("cannotDownloadAbusiveFile"), SetAside, "abusive_file"),
        (403, classic("invalidAbuseAcknowledgment"), SetAside, "abusive_file"),
        (403, classic("cannotDownloadFile"), SetAside, "not_permitted"),
        (403, classic("insufficientFilePermissions"), SetAside, "not_permitted"),
        (403, classic("appNotAuthorizedToFile"), SetAside, "not_permitted"),
        (403, classic("domainPolicy"), SetAside, "not_permitted"),
        (403, classic("fileNotDownloadable", location="alt"), SetAside, "not_downloadable"),
        (403, classic("fileNotExportable"), SetAside, "not_downloadable"),
        (403, classic("exportSizeLimitExceeded"), SetAside, "not_downloadable"),
        (403, classic("sharingRateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (403, classic("somethingNew"), SetAside, "drive_refused"),
        (403, b"", TryAgain, "drive_refused"),
        (403, classic("cannotDownloadFile")[:-1], TryAgain, "drive_refused"),
        (400, classic("invalid", location="pageToken")[:40], TryAgain, "drive_refused"),
        (404, classic("notFound", location="fileId"), SetAside, "not_found"),
        (404, b"<html>", SetAside, "not_found"),
        (416, classic("requestedRangeNotSatisfiable"), Corrupt, "content_mismatch"),
        (416, b"", Corrupt, "content_mismatch"),
        (500, classic("backendError"), TryAgain, "drive_unavailable"),
        (500, classic("internalError"), TryAgain, "drive_unavailable"),
        (502, b"<html>Please try again in 30 seconds", TryAgain, "drive_unavailable"),
        (503, b"", TryAgain, "drive_unavailable"),
        (504, b"", TryAgain, "drive_unavailable"),
        (408, b"", TryAgain, "drive_unavailable"),
        (418, b"", SetAside, "drive_refused"),
    ],
)
def test_the_reason_decides_and_the_status_only_without_one(
    status: int, body: bytes, verb: type[Verdict], reason: str
) -> None:
    answer = said(status, body)
    assert (type(answer), answer.reason) == (verb, reason)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_the_reference_is_in_the_table(reason: str) -> None:
    assert reason in TABLE


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500, 503])
@pytest.mark.parametrize(
    "reason", [r for r in REASONS if TABLE[r].reason not in {"drive_refused", "content_mismatch"}]
)
def test_a_reason_means_the_same_with_every_status(reason: str, status: int) -> None:
    refusal = Refusal(status=status, body=classic(reason))
    answer = judged(refusal)
    assert meaning_by_body(refusal) is TABLE[reason]
    assert (type(answer), answer.reason) == (type(TABLE[reason]), TABLE[reason].reason)


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b"<html>whatever"), (403, SORRY), (429, SORRY), (503, SORRY), (200, SORRY)],
)
def test_a_page_against_robots_blocks_us_for_minutes(status: int, body: bytes) -> None:
    answer = said(status, body, HTML)
    assert isinstance(answer, CoolDown)
    assert answer.reason == "automated_queries"
    assert answer.seconds == 600.0
    assert "GOOGLE_APPLICATION_CREDENTIALS" in answer.message


@pytest.mark.parametrize(("status", "verb"), [(429, RateLimited), (502, TryAgain)])
def test_any_other_html_page_means_what_its_status_says(status: int, verb: type[Verdict]) -> None:
    assert type(said(status, b"<html>Error", HTML)) is verb


def test_a_used_up_daily_limit_is_waited_for_six_times_as_long() -> None:
    refusal = Refusal(status=403, body=classic("dailyLimitExceeded"))
    answers = [verdict(refusal), verdict(replace(refusal, cool_down=2.0))]
    assert [getattr(answer, "seconds", None) for answer in answers] == [3600.0, 12.0]


def test_a_block_that_names_a_longer_wait_is_waited_for() -> None:
    refusal = Refusal(status=403, content_type=HTML, retry_after="1800")
    answer = judged(refusal)
    assert isinstance(answer, CoolDown)
    assert answer.seconds == 1800.0


@pytest.mark.parametrize(
    "body", [b'{"files": []}', b"", b"<html>A picture's page", b'{"error": 5}']
)
def test_a_response_without_an_error_hides_none(body: bytes) -> None:
    assert meaning_by_body(Refusal(status=200, body=body, content_type=HTML)) is None


@pytest.mark.parametrize("account", [False, True])
@pytest.mark.parametrize("reason", sorted(TABLE))
@pytest.mark.parametrize("kind", get_args(ItemKind))
def test_every_sentence_is_one_for_a_person(reason: str, kind: ItemKind, account: bool) -> None:
    refusal = Refusal(status=403, body=classic(reason, message="Nothing is wrong."))
    answer = judged(refusal, kind, account)
    assert answer.message.endswith(".")
    assert "{" not in answer.message
    assert reason not in answer.message


@pytest.mark.parametrize("secret", ["AIza-hush", "ya29.hush"])
@pytest.mark.parametrize("status", [400, 403, 418])
def test_google_s_words_are_quoted_without_the_credentials_in_them(
    secret: str, status: int
) -> None:
    message = f"Permission denied: Consumer 'api_key:{secret}' is odd. " + "x" * 170 + secret
    body = classic("new", message=message)
    answer = verdict(Refusal(status=status, body=body, secret=secret))
    assert "api_key:********" in answer.message
    assert "hush" not in answer.message


def test_a_missing_folder_is_told_as_a_folder() -> None:
    answer = judged(Refusal(status=404, body=classic("notFound")), "folder")
    assert answer.message.startswith("This folder does not exist, or it is not shared")


@pytest.mark.parametrize("body", [newer("API_KEY_INVALID"), classic("keyInvalid"), b"{}"])
def test_the_setting_that_was_refused_is_named(body: bytes) -> None:
    refusal = Refusal(status=401, body=body)
    key, account = judged(refusal), judged(refusal, account=True)
    assert (key.reason, account.reason) == ("key_refused", "credentials_refused")
    assert "GOOGLE_API_KEY" in key.message
    assert "GOOGLE_APPLICATION_CREDENTIALS" in account.message
    assert "GOOGLE_API_KEY" not in account.message


def test_an_unknown_error_is_quoted_without_unstorable_characters() -> None:
    answer = said(418, classic("x", message="I am\n{a}   teapot\x00\ud800" + "!" * 999))
    assert "I am {a} teapot\ufffd\ufffd!" in answer.message
    assert len(answer.message) < 300
    assert msgspec.json.encode(answer.message)


def test_an_error_of_one_word_is_quoted_without_unstorable_characters() -> None:
    answer = said(400, json.dumps({"error": "odd\x00\ud800"}).encode())
    assert "odd\ufffd\ufffd" in answer.message
    assert msgspec.json.encode(answer.message)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999", 3600.0),
        ("Mon, 23 Nov 2020 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 9999 11:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("Mon, 23 Nov 99999 11:00:00 GMT", None),
        ("9" * 5_000, None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str, seconds: float | None) -> None:
    answer = judged(Refusal(status=503, retry_after=header))
    assert isinstance(answer, TryAgain)
    assert answer.retry_after == seconds


def test_a_date_to_retry_after_is_waited_for() -> None:
    seconds = retry_after_seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=30)))
    assert seconds == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"error": {"errors": ' + b"[" * 60_000,
        b'{"error": "text"}',
        b'{"error": {"errors": {"reason": "notFound"}}}',
        b'{"error": {"errors": [{"reason": 5}]}}',
        b'{"error": {"errors": [null, 5, "x", {"reason": {}}], "details": 7, "status": []}}',
        b"\xff\xfe",
        b"null",
    ],
)
def test_a_body_of_any_shape_leaves_the_status_to_decide(body: bytes) -> None:
    assert isinstance(said(503, body), TryAgain)
    assert isinstance(said(418, body), SetAside)


def test_a_malformed_value_does_not_cost_the_others() -> None:
    error = {"errors": [{"reason": 5}, {"reason": "downloadQuotaExceeded", "location": None}]}
    body = json.dumps({"error": error | {"code": "403", "details": [5]}}).encode()
    assert said(403, body).reason == "download_quota_exceeded"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(REASONS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "errors", "details", "reason", "status", "message", "metadata"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=JSON, status=st.integers(300, 599), account=st.booleans())
def test_every_answer_ends_in_a_verb_with_a_code_and_a_sentence(
    body: Any, status: int, account: bool
) -> None:
    refusal = Refusal(status=status, body=json.dumps(body).encode())
    answer = judged(refusal, account=account)
    assert answer.reason.replace("_", "").isalnum()
    assert answer.message
    assert msgspec.json.encode(answer.message)

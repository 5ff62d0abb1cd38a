"""Every row of `drive-api.md` §1.7: what Google says, and which verb follows."""

import json
from datetime import UTC, datetime

import pytest

from services.adapters.drive.refusals import COOL_DOWN, TABLE, Asked, Refusal, verdict
from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def classic(reason: str, location: str = "", message: str = "") -> bytes:
    error = {"domain": "global", "reason": reason, "location": location, "message": message}
    return json.dumps({"error": {"errors": [error], "code": 403, "message": message}}).encode()


def newer(reason: str, status: str = "PERMISSION_DENIED") -> bytes:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
    return json.dumps({"error": {"status": status, "code": 403, "details": [info]}}).encode()


def said(status: int, body: bytes = b"", content_type: str = "application/json") -> Verdict:
    refusal = Refusal(status=status, body=body, content_type=content_type)
    return verdict(refusal, Asked.FILE, NOW)


@pytest.mark.parametrize(
    ("status", "body", "verb", "reason"),
    [
        (400, classic("keyInvalid"), Stop, "key_refused"),
        (400, newer("API_KEY_INVALID", "INVALID_ARGUMENT"), Stop, "key_refused"),
        (400, classic("invalid", location="pageToken"), SetAside, "page_token_invalid"),
        (400, classic("invalid", location="q"), SetAside, "drive_refused"),
        (401, classic("authError"), Stop, "key_refused"),
        (401, b"", Stop, "key_refused"),
        (403, classic("dailyLimitExceededUnreg"), Stop, "key_refused"),
        (403, b'{"error": {"status": "PERMISSION_DENIED"}}', Stop, "key_refused"),
        (403, classic("accessNotConfigured"), Stop, "drive_api_disabled"),
        (403, newer("SERVICE_DISABLED"), Stop, "drive_api_disabled"),
        (403, classic("rateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (403, classic("userRateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (403, newer("RATE_LIMIT_EXCEEDED"), RateLimited, "drive_rate_limited"),
        (429, classic("rateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (429, b"", RateLimited, "drive_rate_limited"),
        (403, classic("dailyLimitExceeded"), Stop, "daily_limit_exceeded"),
        (403, classic("downloadQuotaExceeded"), SetAside, "download_quota_exceeded"),
        (403, classic("quotaExceeded"), SetAside, "download_quota_exceeded"),
        (403, classic("cannotDownloadAbusiveFile"), SetAside, "abusive_file"),
        (403, classic("cannotDownloadFile"), SetAside, "not_permitted"),
        (403, classic("insufficientFilePermissions"), SetAside, "not_permitted"),
        (403, classic("fileNotDownloadable", location="alt"), SetAside, "not_downloadable"),
        (403, classic("sharingRateLimitExceeded"), RateLimited, "drive_rate_limited"),
        (403, classic("somethingNew"), SetAside, "drive_refused"),
        (404, classic("notFound", location="fileId"), SetAside, "not_found"),
        (404, b"<html>", SetAside, "not_found"),
        (416, classic("requestedRangeNotSatisfiable"), TryAgain, "drive_unavailable"),
        (500, classic("backendError"), TryAgain, "drive_unavailable"),
        (502, b"<html>Please try again in 30 seconds", TryAgain, "drive_unavailable"),
        (503, b"", TryAgain, "drive_unavailable"),
        (418, b"", SetAside, "drive_refused"),
    ],
)
def test_the_reason_decides_and_the_status_only_without_one(
    status: int, body: bytes, verb: type[Verdict], reason: str
) -> None:
    answer = said(status, body)
    assert (type(answer), answer.reason) == (verb, reason)


def test_a_page_of_html_with_403_is_the_wall_and_costs_minutes() -> None:
    answer = said(403, b"<html>We're sorry... automated queries", "text/html; charset=UTF-8")
    assert isinstance(answer, RateLimited)
    assert answer.reason == "automated_queries"
    assert answer.retry_after == COOL_DOWN


@pytest.mark.parametrize("reason", sorted(TABLE))
@pytest.mark.parametrize("asked", list(Asked))
def test_every_sentence_is_one_for_a_person(reason: str, asked: Asked) -> None:
    answer = verdict(Refusal(status=403, body=classic(reason)), asked, NOW)
    assert answer.message.endswith(".")
    assert "{" not in answer.message
    assert reason not in answer.message


def test_a_missing_folder_is_told_as_a_folder() -> None:
    answer = verdict(Refusal(status=404, body=classic("notFound")), Asked.FOLDER, NOW)
    assert answer.message.startswith("This folder does not exist, or it is not shared")


@pytest.mark.parametrize("body", [newer("API_KEY_INVALID"), classic("keyInvalid"), b"{}"])
def test_a_wrong_key_names_its_setting(body: bytes) -> None:
    assert "GOOGLE_API_KEY" in said(401, body).message


def test_what_is_not_known_is_quoted_without_its_control_characters() -> None:
    answer = said(418, classic("x", message="I am\n{a}   teapot\x00" + "!" * 999))
    assert "I am (a) teapot" in answer.message
    assert len(answer.message) < 300


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999", 3600.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 9999 11:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_for_ever(
    header: str, seconds: float | None
) -> None:
    answer = verdict(Refusal(status=503, retry_after=header), Asked.FILE, NOW)
    assert isinstance(answer, TryAgain)
    assert answer.retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"error": "text"}',
        b'{"error": {"errors": {"reason": "notFound"}}}',
        b'{"error": {"errors": [{"reason": 5}]}}',
        b"\xff\xfe",
        b"null",
    ],
)
def test_a_body_of_any_shape_leaves_the_status_to_decide(body: bytes) -> None:
    assert isinstance(said(503, body), TryAgain)
    assert isinstance(said(400, body), SetAside)

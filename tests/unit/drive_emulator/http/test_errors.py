"""Every error of Drive, in every style."""

from email.utils import parsedate_to_datetime
from typing import get_args

import pytest

from drive_emulator.http.errors import PRESETS, Style, preset_error, retry_after

# Status and reason of each row of reference/drive-api.md, section 1.7.
ROWS = [
    (400, "badRequest"),
    (400, "invalid"),
    (400, "invalidParameter"),
    (400, "required"),
    (400, "keyInvalid"),
    (401, "authError"),
    (401, "required"),
    (403, "dailyLimitExceededUnreg"),
    (403, "accessNotConfigured"),
    (403, "rateLimitExceeded"),
    (403, "userRateLimitExceeded"),
    (429, "rateLimitExceeded"),
    (403, "dailyLimitExceeded"),
    (403, "downloadQuotaExceeded"),
    (403, "quotaExceeded"),
    (403, "cannotDownloadAbusiveFile"),
    (403, "invalidAbuseAcknowledgment"),
    (403, "cannotDownloadFile"),
    (403, "insufficientFilePermissions"),
    (403, "appNotAuthorizedToFile"),
    (403, "domainPolicy"),
    (403, "fileNotDownloadable"),
    (403, "fileNotExportable"),
    (403, "exportSizeLimitExceeded"),
    (403, "sharingRateLimitExceeded"),
    (404, "notFound"),
    (416, "requestedRangeNotSatisfiable"),
    (500, "backendError"),
    (500, "internalError"),
    (502, "backendError"),
    (503, "backendError"),
    (504, "backendError"),
]


@pytest.mark.parametrize(("status", "word"), ROWS)
def test_every_row_has_a_preset(status: int, word: str) -> None:
    assert any((preset.status, preset.reason) == (status, word) for preset in PRESETS.values())


@pytest.mark.parametrize("name", PRESETS)
def test_a_classic_body_names_the_reason_and_the_code(name: str) -> None:
    preset = PRESETS[name]
    error = preset_error(preset, "classic").body["error"]
    assert error["code"] == preset.status
    assert error["errors"][0]["reason"] == preset.reason
    assert error["errors"][0]["domain"] in ("global", "usageLimits")
    assert error["errors"][0]["message"] == error["message"]
    assert set(error) == {"code", "message", "errors"}


@pytest.mark.parametrize("name", PRESETS)
def test_the_newer_forms_have_a_status(name: str) -> None:
    both = preset_error(PRESETS[name], "v2").body["error"]
    bare = preset_error(PRESETS[name], "details").body["error"]
    assert both["status"] == bare["status"]
    assert "errors" in both
    assert "errors" not in bare


@pytest.mark.parametrize("style", get_args(Style))
def test_the_log_knows_the_reason_in_every_form(style: Style) -> None:
    assert preset_error(PRESETS["rateLimitExceeded"], style).reason == "rateLimitExceeded"


def test_a_rate_limit_names_its_metric() -> None:
    [info] = preset_error(PRESETS["quotaPerMinute"]).body["error"]["details"]
    assert info["reason"] == "RATE_LIMIT_EXCEEDED"
    assert info["metadata"]["service"] == "drive.googleapis.com"
    assert info["metadata"]["quota_limit"] == "defaultPerMinutePerProject"


def test_the_automated_queries_error_is_a_page() -> None:
    page = preset_error(PRESETS["automatedQueries"]).body
    assert page.startswith("<html>")
    assert "automated queries" in page


def test_the_body_shows_another_status_unless_it_is_a_success() -> None:
    other = preset_error(PRESETS["backendError"], status=503)
    lying = preset_error(PRESETS["backendError"], status=200)
    assert (other.status, other.body["error"]["code"]) == (503, 503)
    assert (lying.status, lying.body["error"]["code"]) == (200, 500)


def test_an_empty_body_is_empty() -> None:
    assert preset_error(PRESETS["tooManyRequests"], "empty").body is None


def test_retry_after_is_whole_seconds_or_a_date() -> None:
    assert retry_after("none", 5, 0.0) == ()
    assert retry_after("seconds", 2.1, 0.0) == ((b"retry-after", b"3"),)
    [(_, date)] = retry_after("date", 10.0, 1_700_000_000.0)
    assert parsedate_to_datetime(date.decode()).timestamp() == 1_700_000_010

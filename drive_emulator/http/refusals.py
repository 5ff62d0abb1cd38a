"""Every way in which Drive says no: by reason, in each of the forms that bodies have.

Source: reference/drive-api.md, section 1.7, whose rows these are. Where the same reason has two
statuses or two forms, the second has a name of its own here.
"""

import math
from email.utils import formatdate
from typing import Any, Literal, NamedTuple

from drive_emulator.http.errors import ApiError, Headers, error_info

Style = Literal["classic", "v2", "details", "empty", "html"]
Wait = Literal["none", "seconds", "date"]


class Preset(NamedTuple):
    """A refusal; `location` is its type and name, `info` the reason in the newer form."""

    status: int
    reason: str
    message: str
    domain: str = "global"
    location: tuple[str, str] | None = None
    info: str = ""
    style: Style = "classic"


_USAGE = "usageLimits"
_PARAMETER = "parameter"
_ALT = (_PARAMETER, "alt")
_FILE = (_PARAMETER, "fileId")
_HEADER = ("header", "Authorization")
_BACKEND = "Backend Error"
_EXHAUSTED = "Resource has been exhausted (e.g. check quota)."
_QUOTA = (
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service "
    "'drive.googleapis.com' for consumer 'project_number:123456789012'."
)
_DOWNLOADS = "The download quota for this file has been exceeded."
_ABUSE = (
    "This file has been identified as malware or spam and cannot be downloaded without the "
    "acknowledgeAbuse parameter set to true."
)
_UNREGISTERED = "Daily Limit for Unauthenticated Use Exceeded. Continued use requires signup."
_DISABLED = (
    "Google Drive API has not been used in project 123456789012 before or it is disabled. "
    "Enable it by visiting https://console.developers.google.com/apis/api/"
    "drive.googleapis.com/overview?project=123456789012 then retry."
)
_BINARY = "Only files with binary content can be downloaded. Use Export with Docs Editors files."

PRESETS: dict[str, Preset] = {
    "badRequest": Preset(400, "badRequest", "Bad Request"),
    "invalid": Preset(400, "invalid", "Invalid Value", location=(_PARAMETER, "q")),
    "invalidParameter": Preset(
        400, "invalidParameter", "Invalid field selection items", location=(_PARAMETER, "fields")
    ),
    "required": Preset(
        400, "required", "Required parameter: fields", location=(_PARAMETER, "fields")
    ),
    "invalidPageToken": Preset(
        400, "invalid", "Invalid Value", location=(_PARAMETER, "pageToken")
    ),
    "keyInvalid": Preset(400, "keyInvalid", "Bad Request", _USAGE),
    "apiKeyInvalid": Preset(
        400, "badRequest", "API key not valid. Please pass a valid API key.",
        info="API_KEY_INVALID", style="v2",
    ),
    "authError": Preset(401, "authError", "Invalid Credentials", location=_HEADER),
    "loginRequired": Preset(401, "required", "Login Required", location=_HEADER),
    "dailyLimitExceededUnreg": Preset(403, "dailyLimitExceededUnreg", _UNREGISTERED, _USAGE),
    "missingKey": Preset(
        403, "forbidden", "The request is missing a valid API key.", style="details"
    ),
    "accessNotConfigured": Preset(
        403, "accessNotConfigured", _DISABLED, _USAGE, info="SERVICE_DISABLED", style="v2"
    ),
    "rateLimitExceeded": Preset(
        403, "rateLimitExceeded", "Rate Limit Exceeded", _USAGE, info="RATE_LIMIT_EXCEEDED"
    ),
    "userRateLimitExceeded": Preset(
        403, "userRateLimitExceeded", "User Rate Limit Exceeded", _USAGE,
        info="RATE_LIMIT_EXCEEDED",
    ),
    "quotaPerMinute": Preset(
        403, "rateLimitExceeded", _QUOTA, _USAGE, info="RATE_LIMIT_EXCEEDED", style="v2"
    ),
    "tooManyRequests": Preset(
        429, "rateLimitExceeded", "Rate Limit Exceeded", _USAGE, info="RATE_LIMIT_EXCEEDED"
    ),
    "resourceExhausted": Preset(
        429, "rateLimitExceeded", _EXHAUSTED, info="RATE_LIMIT_EXCEEDED"
    ),
    "dailyLimitExceeded": Preset(403, "dailyLimitExceeded", "Daily Limit Exceeded", _USAGE),
    "downloadQuotaExceeded": Preset(403, "downloadQuotaExceeded", _DOWNLOADS),
    "quotaExceeded": Preset(
        403, "quotaExceeded", _DOWNLOADS, location=("other", "quota.download"),
        info="QUOTA_EXCEEDED", style="v2",
    ),
    "cannotDownloadAbusiveFile": Preset(403, "cannotDownloadAbusiveFile", _ABUSE),
    "invalidAbuseAcknowledgment": Preset(
        403, "invalidAbuseAcknowledgment",
        "Only the owner of the file can acknowledge that it is abusive.",
    ),
    "cannotDownloadFile": Preset(
        403, "cannotDownloadFile", "This file cannot be downloaded by the user."
    ),
    "insufficientFilePermissions": Preset(
        403, "insufficientFilePermissions",
        "The user does not have sufficient permissions for this file.",
    ),
    "appNotAuthorizedToFile": Preset(
        403, "appNotAuthorizedToFile",
        "The user has not granted the app 123456789012 access to the file.",
    ),
    "domainPolicy": Preset(
        403, "domainPolicy", "The domain administrators have disabled Drive apps."
    ),
    "fileNotDownloadable": Preset(403, "fileNotDownloadable", _BINARY, location=_ALT),
    "fileNotExportable": Preset(
        403, "fileNotExportable", "Export only supports Docs Editors files."
    ),
    "exportSizeLimitExceeded": Preset(
        403, "exportSizeLimitExceeded", "This file is too large to be exported."
    ),
    "sharingRateLimitExceeded": Preset(
        403, "sharingRateLimitExceeded", "Rate limit exceeded for sharing."
    ),
    "automatedQueries": Preset(403, "automatedQueries", "", style="html"),
    "notFound": Preset(404, "notFound", "File not found: .", location=_FILE),
    "requestedRangeNotSatisfiable": Preset(
        416, "requestedRangeNotSatisfiable", "Request range not satisfiable",
        location=("header", "Range"),
    ),
    "internalError": Preset(500, "internalError", "Internal Error"),
    "backendError": Preset(500, "backendError", _BACKEND),
    "badGateway": Preset(
        502, "backendError", "The server encountered a temporary error and could not complete "
        "your request. Please try again in 30 seconds.", style="html",
    ),
    "unavailable": Preset(503, "backendError", _BACKEND),
    "gatewayTimeout": Preset(504, "backendError", _BACKEND),
}  # fmt: skip

_RPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}
_RATE = {
    "quota_metric": "drive.googleapis.com/default",
    "quota_limit": "defaultPerMinutePerProject",
    "consumer": "projects/123456789012",
}
_WALL = (
    "<html><head><title>Sorry...</title></head><body><h1>We're sorry...</h1><p>... but your "
    "computer or network may be sending automated queries. To protect our users, we can't "
    "process your request right now.</p></body></html>"
)


def refusal(
    preset: Preset,
    style: Style | None = None,
    status: int | None = None,
    headers: Headers = (),
) -> ApiError:
    """The answer of a preset; another status is in its body, too, unless it is a success."""
    style = style or preset.style
    status = status or preset.status
    code = status if status >= 400 else preset.status
    if style == "empty":
        body: Any = None
    elif style == "html":
        body = _page(code, preset)
    else:
        body = _body(code, preset, style)
    return ApiError(status, body, headers, reason=preset.reason)


def _page(code: int, preset: Preset) -> str:
    if not preset.message:
        return _WALL
    title = f"Error {code}"
    return (
        f"<!DOCTYPE html><html lang=en><title>{title}</title>"
        f"<p><b>{code}.</b> That's an error.<p>{preset.message}</html>"
    )


def _body(code: int, preset: Preset, style: Style) -> dict[str, Any]:
    message = preset.message or "Forbidden"
    first = {"message": message, "domain": preset.domain, "reason": preset.reason}
    if preset.location:
        first |= {"locationType": preset.location[0], "location": preset.location[1]}
    error: dict[str, Any] = {"code": code, "message": message}
    if style != "details":
        error["errors"] = [first]
    if style != "classic":
        error["status"] = _RPC.get(code, "UNAVAILABLE")
        if preset.info:
            rate = preset.info == "RATE_LIMIT_EXCEEDED"
            error["details"] = [error_info(preset.info, **(_RATE if rate else {}))]
    return {"error": error}


def retry_after(wait: Wait, seconds: float, now: float) -> Headers:
    """The header in the form asked for, or none; `now` is seconds since 1970."""
    if wait == "none":
        return ()
    whole = max(1, math.ceil(seconds))
    value = str(whole) if wait == "seconds" else formatdate(now + whole, usegmt=True)
    return ((b"retry-after", value.encode()),)

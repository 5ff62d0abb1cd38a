"""Google's error responses: every reason that Drive gives, in each form that a body can have.

Source: reference/drive-api.md, section 1.7; the presets are its rows. Where a reason occurs with
two statuses or in two forms, the second preset has a name of its own. Where Google's wording could
not be found, the most likely one is used; `docs/drive-emulator.md` lists which those are.
"""

import math
from email.utils import formatdate
from typing import Any, Literal, NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]
Location = tuple[str, str]  # locationType and location
Style = Literal["classic", "v2", "details", "empty", "html"]
RetryAfter = Literal["none", "seconds", "date"]


class ApiError(Exception):
    """An error response: status, body and headers.

    The body is a JSON object, or a page of HTML as text, or None for an empty one. `reason` is
    Google's word for the error, as the log and the counters show it.
    """

    def __init__(self, status: int, body: Any, headers: Headers = (), reason: str = "") -> None:
        super().__init__(status, reason or _reason_in(body))
        self.status = status
        self.body = body
        self.headers = headers
        self.reason = reason or _reason_in(body)


def _reason_in(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    errors = error.get("errors") or [{}]
    return str(errors[0].get("reason") or error.get("status") or "")


class Preset(NamedTuple):
    """An error that can be chosen by name. `info` is its reason in the newer ErrorInfo form."""

    status: int
    reason: str
    message: str
    domain: str = "global"
    location: Location | None = None
    info: str = ""
    style: Style = "classic"


_USAGE = "usageLimits"
_PARAMETER = "parameter"
_AUTHORIZATION = ("header", "Authorization")
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
    "drive.googleapis.com/overview?project=123456789012 then retry. If you enabled this API "
    "recently, wait a few minutes for the action to propagate to our systems and retry."
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
    "invalidPageToken": Preset(400, "invalid", "Invalid Value", location=(_PARAMETER, "pageToken")),
    "keyInvalid": Preset(400, "keyInvalid", "Bad Request", _USAGE),
    "apiKeyInvalid": Preset(
        400, "badRequest", "API key not valid. Please pass a valid API key.",
        info="API_KEY_INVALID", style="v2",
    ),
    "authError": Preset(401, "authError", "Invalid Credentials", location=_AUTHORIZATION),
    "loginRequired": Preset(401, "required", "Login Required", location=_AUTHORIZATION),
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
    "resourceExhausted": Preset(429, "rateLimitExceeded", _EXHAUSTED, info="RATE_LIMIT_EXCEEDED"),
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
    "fileNotDownloadable": Preset(
        403, "fileNotDownloadable", _BINARY, location=(_PARAMETER, "alt")
    ),
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
    "notFound": Preset(404, "notFound", "File not found: .", location=(_PARAMETER, "fileId")),
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

REFERRER_BLOCKED = Preset(
    403,
    "forbidden",
    "Requests from referer <empty> are blocked.",
    info="API_KEY_HTTP_REFERRER_BLOCKED",
    style="v2",
)
IP_BLOCKED = Preset(
    403,
    "ipRefererBlocked",
    "The request did not specify any referer, or its IP address violates the restrictions set on "
    "the API key.",
    _USAGE,
    info="API_KEY_IP_ADDRESS_BLOCKED",
    style="v2",
)

_RPC_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}
_RATE_METADATA = {
    "quota_metric": "drive.googleapis.com/default",
    "quota_limit": "defaultPerMinutePerProject",
    "consumer": "projects/123456789012",
}
_AUTOMATED_QUERIES_PAGE = (
    "<html><head><title>Sorry...</title></head><body><h1>We're sorry...</h1><p>... but your "
    "computer or network may be sending automated queries. To protect our users, we can't "
    "process your request right now.</p></body></html>"
)


def preset_error(
    preset: Preset, style: Style | None = None, status: int | None = None, headers: Headers = ()
) -> ApiError:
    """The response of a preset, in another style or with another status if one is given.

    The body shows the other status too, unless that is a success: then it keeps the error's own.
    """
    style = style or preset.style
    status = status or preset.status
    code = status if status >= 400 else preset.status
    if style == "empty":
        body: Any = None
    elif style == "html":
        body = _page(code, preset)
    else:
        body = _json_body(code, preset, style)
    return ApiError(status, body, headers, reason=preset.reason)


def named_error(name: str, headers: Headers = ()) -> ApiError:
    """The response of the preset with this name."""
    return preset_error(PRESETS[name], headers=headers)


def api_error(status: int, reason: str, message: str, location: Location | None = None) -> ApiError:
    """An error in the classic form, with an `errors` list."""
    return preset_error(Preset(status, reason, message, location=location))


def _page(code: int, preset: Preset) -> str:
    if not preset.message:
        return _AUTOMATED_QUERIES_PAGE
    return (
        f"<!DOCTYPE html><html lang=en><title>Error {code}</title>"
        f"<p><b>{code}.</b> That's an error.<p>{preset.message}</html>"
    )


def _json_body(code: int, preset: Preset, style: Style) -> dict[str, Any]:
    message = preset.message or "Forbidden"
    first = {"message": message, "domain": preset.domain, "reason": preset.reason}
    if preset.location:
        first |= {"locationType": preset.location[0], "location": preset.location[1]}
    error: dict[str, Any] = {"code": code, "message": message}
    if style != "details":
        error["errors"] = [first]
    if style != "classic":
        error["status"] = _RPC_STATUS.get(code, "UNAVAILABLE")
        if preset.info:
            error["details"] = _details(preset)
    return {"error": error}


def _details(preset: Preset) -> list[dict[str, Any]]:
    metadata = {"service": "drive.googleapis.com"}
    if preset.info == "RATE_LIMIT_EXCEEDED":
        metadata |= _RATE_METADATA
    info = {"reason": preset.info, "domain": "googleapis.com", "metadata": metadata}
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info}]
    if preset.info == "API_KEY_INVALID":
        text = {"locale": "en-US", "message": preset.message}
        details.append({"@type": "type.googleapis.com/google.rpc.LocalizedMessage", **text})
    return details


def retry_after(form: RetryAfter, seconds: float, now: float) -> Headers:
    """The Retry-After header in the form asked for, or none; `now` is seconds since 1970."""
    if form == "none":
        return ()
    whole = max(1, math.ceil(seconds))
    value = str(whole) if form == "seconds" else formatdate(now + whole, usegmt=True)
    return ((b"retry-after", value.encode()),)


def control_error(message: str, status: int = 400) -> ApiError:
    """An error of the control API below `/_emu`."""
    return ApiError(status, {"error": message})


def invalid(parameter: str, message: str = "Invalid Value") -> ApiError:
    """400 `invalid`: a parameter that cannot be parsed, such as `q` or `pageToken`."""
    return api_error(400, "invalid", message, (_PARAMETER, parameter))


def invalid_parameter(parameter: str, message: str) -> ApiError:
    """400 `invalidParameter`: a parameter out of its range, or an impossible `fields`."""
    return api_error(400, "invalidParameter", message, (_PARAMETER, parameter))


def bad_fields(selection: str) -> ApiError:
    """400 for a `fields` mask; Google's message names the part that it does not know."""
    return invalid_parameter("fields", f"Invalid field selection {selection}")


def missing_parameter(parameter: str) -> ApiError:
    """400 for a method's required parameter."""
    return api_error(400, "required", f"Required parameter: {parameter}", (_PARAMETER, parameter))


def not_found(file_id: str) -> ApiError:
    """404 for a file that does not exist and for one that is not shared: Drive does not tell."""
    return api_error(404, "notFound", f"File not found: {file_id}.", (_PARAMETER, "fileId"))


def range_not_satisfiable(size: int) -> ApiError:
    """416; clients take the size from Content-Range."""
    content_range = (b"content-range", b"bytes */%d" % size)
    return named_error("requestedRangeNotSatisfiable", (content_range,))


def invalid_credentials() -> ApiError:
    """401 for an unknown or expired access token."""
    challenge = (b"www-authenticate", b'Bearer realm="https://accounts.google.com/"')
    return named_error("authError", (challenge,))

"""Google's error answers, as Drive words them.

Where Google's text could not be found, the likeliest is used; `docs/drive-emulator.md` lists
which those are.
"""

from typing import Any

Headers = tuple[tuple[bytes, bytes], ...]


class ApiError(Exception):
    """An answer that is an error: its status, its body, and headers of its own.

    The body is JSON, or the text of a page of HTML, or None for an empty one. `reason` is Google's
    word for it, as the log and the counters show it.
    """

    def __init__(self, status: int, body: Any, headers: Headers = (), reason: str = "") -> None:
        super().__init__(status, reason or _reason(body))
        self.status = status
        self.body = body
        self.headers = headers
        self.reason = reason or _reason(body)


def _reason(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    errors = error.get("errors") or [{}]
    return str(errors[0].get("reason") or error.get("status") or "")


def control_error(sentence: str, status: int = 400) -> ApiError:
    """Of the emulator's own addresses, below `/_emu`: what was wrong with the request."""
    return ApiError(status, {"error": sentence})


def classic(
    status: int,
    reason: str,
    message: str,
    location: tuple[str, str] | None = None,
    domain: str = "global",
) -> dict[str, Any]:
    """The body with an `errors` list; `location` is its type and name."""
    first = {"domain": domain, "reason": reason, "message": message}
    if location is not None:
        first |= {"locationType": location[0], "location": location[1]}
    return {"error": {"errors": [first], "code": status, "message": message}}


def invalid(parameter: str, message: str = "Invalid Value") -> ApiError:
    """400 `invalid`: a parameter that cannot be parsed, such as `q` or `pageToken`."""
    return ApiError(400, classic(400, "invalid", message, ("parameter", parameter)))


def invalid_parameter(parameter: str, message: str) -> ApiError:
    """400 `invalidParameter`: a parameter out of its range, or an impossible `fields`."""
    return ApiError(400, classic(400, "invalidParameter", message, ("parameter", parameter)))


def bad_fields(selection: str) -> ApiError:
    """400 for a `fields` mask; Google's message names the part that it does not know."""
    return invalid_parameter("fields", f"Invalid field selection {selection}")


def not_found(file_id: str) -> ApiError:
    """404, also for what is there and not shared: the two cannot be told apart."""
    message = f"File not found: {file_id}."
    return ApiError(404, classic(404, "notFound", message, ("parameter", "fileId")))


def not_downloadable() -> ApiError:
    """403 for the bytes of a folder or a native document."""
    message = (
        "Only files with binary content can be downloaded. Use Export with Docs Editors files."
    )
    return ApiError(403, classic(403, "fileNotDownloadable", message, ("parameter", "alt")))


def range_not_satisfiable(size: int) -> ApiError:
    """416; clients take the size from Content-Range."""
    body = classic(
        416, "requestedRangeNotSatisfiable", "Request range not satisfiable", ("header", "Range")
    )
    return ApiError(416, body, ((b"content-range", b"bytes */%d" % size),))


def missing_key() -> ApiError:
    """403 without an `errors` list: the newer front end's form."""
    message = "The request is missing a valid API key."
    return ApiError(
        403, {"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}
    )


def invalid_key() -> ApiError:
    """400 with ErrorInfo `API_KEY_INVALID`."""
    message = "API key not valid. Please pass a valid API key."
    error = {
        "code": 400,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": "badRequest"}],
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "drive.googleapis.com"},
            },
            {
                "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
                "locale": "en-US",
                "message": message,
            },
        ],
    }
    return ApiError(400, {"error": error})


def service_disabled() -> ApiError:
    """403 `accessNotConfigured`: the key's project has not switched the Drive API on."""
    message = (
        "Google Drive API has not been used in project 123456789012 before or it is disabled. "
        "Enable it by visiting https://console.developers.google.com/apis/api/"
        "drive.googleapis.com/overview?project=123456789012 then retry. If you enabled this API "
        "recently, wait a few minutes for the action to propagate to our systems and retry."
    )
    return _denied("accessNotConfigured", "SERVICE_DISABLED", message)


def referrer_blocked() -> ApiError:
    """403: the key is kept to web pages that this request does not come from."""
    message = "Requests from referer <empty> are blocked."
    return _denied("forbidden", "API_KEY_HTTP_REFERRER_BLOCKED", message, "global")


def ip_blocked() -> ApiError:
    """403 `ipRefererBlocked`: the key is kept to other addresses."""
    message = (
        "The request did not specify any referer, or its IP address violates the restrictions "
        "set on the API key."
    )
    return _denied("ipRefererBlocked", "API_KEY_IP_ADDRESS_BLOCKED", message)


def _denied(reason: str, info: str, message: str, domain: str = "usageLimits") -> ApiError:
    """403 in both forms: an `errors` list, and `status` with ErrorInfo."""
    body = classic(403, reason, message, domain=domain)
    body["error"] |= {"status": "PERMISSION_DENIED", "details": [error_info(info)]}
    return ApiError(403, body)


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    """The newer front end's way of naming a reason."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "drive.googleapis.com", **metadata},
    }


def invalid_credentials() -> ApiError:
    """401 for a Bearer token that nobody issued."""
    body = classic(401, "authError", "Invalid Credentials", ("header", "Authorization"))
    return ApiError(
        401, body, ((b"www-authenticate", b'Bearer realm="https://accounts.google.com/"'),)
    )


def login_required() -> ApiError:
    """401 for whatever would change something: a key alone may only read."""
    return ApiError(401, classic(401, "required", "Login Required", ("header", "Authorization")))


def no_such_method() -> ApiError:
    """404 for a path that is no method of Drive's (Google answers with a page of HTML)."""
    return ApiError(404, classic(404, "notFound", "Not Found"))


def request_too_large() -> ApiError:
    """413 for a form body beyond what any client sends."""
    return ApiError(413, classic(413, "uploadTooLarge", "Request Entity Too Large"))

"""What can go wrong with a request, each with a stable code: RFC 9457 problem+json.

An unforeseen exception tells the client nothing about the inside; the log has it under the request
id.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.plugins import problem_details
from msgspec import UNSET, Struct, UnsetType
from msgspec.json import encode as json_encode

from services.core.errors import SetAside, TryAgain, Verdict
from services.core.validation import of_parameter

LONGEST_INSTANCE = 200
RETRY_SECONDS = 5.0
AnyRequest = Request[Any, Any, State]
log = structlog.get_logger()


class Kind(NamedTuple):
    status: int
    title: str


START = {
    "missing_body": Kind(400, "The body is missing"),
    "not_json": Kind(400, "The body is not JSON"),
    "not_an_object": Kind(400, "The body is not a JSON object"),
    "bad_body": Kind(400, "The body is not valid"),
    "missing_folder_url": Kind(400, "folderUrl is missing"),
    "folder_url_not_text": Kind(400, "folderUrl is not a string"),
    "bad_priority": Kind(400, "Invalid priority"),
    "empty": Kind(400, "The link is empty"),
    "too_long": Kind(400, "The link is too long"),
    "not_drive": Kind(400, "The link is not a Google Drive link"),
    "bad_id": Kind(400, "The link has no valid folder id"),
    "bad_key": Kind(400, "The link has no valid resourcekey"),
    "broken_link": Kind(400, "The link is incomplete"),
    "two_links": Kind(400, "The text has more than one link"),
    "file_link": Kind(400, "The link is to a file, not a folder"),
    "document_link": Kind(400, "The link is to a document, not a folder"),
    "private_view": Kind(400, "The link opens a personal view of Drive"),
    "no_folder": Kind(400, "The link has no folder id"),
    "bad_idempotency_key": Kind(400, "The Idempotency-Key is not valid"),
    "cross_site": Kind(403, "The request came from another website"),
    "import_under_way": Kind(409, "The same request is in progress"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The Content-Type is not application/json"),
    "unsupported_encoding": Kind(415, "The body is compressed"),
    "bad_parameter": Kind(400, "A parameter is not valid"),
    "other_folder": Kind(422, "The Idempotency-Key was used with another link"),
    "not_queued": Kind(500, "The import could not be started"),
}
"""What the start of an import may answer."""
DRIVE = {
    "folder_not_found": Kind(404, "The folder does not exist, or it is not public"),
    "folder_refused": Kind(422, "Google Drive does not show the folder"),
    "not_a_folder": Kind(422, "The link leads to something that is not a folder"),
    "trashed": Kind(422, "The folder is in the trash"),
    "shortcut_dangling": Kind(422, "The shortcut leads nowhere"),
    "previews_busy": Kind(503, "Too many previews are being made"),
    "drive_slow": Kind(503, "Google Drive takes too long"),
    "drive_unreachable": Kind(503, "Google Drive cannot be reached"),
    "drive_unavailable": Kind(503, "Google Drive is not available"),
    "answer_unreadable": Kind(503, "Google Drive's answer cannot be read"),
    "drive_rate_limited": Kind(503, "Google Drive limits the request rate"),
    "daily_limit_exceeded": Kind(503, "The daily Drive quota is used up"),
    "automated_queries": Kind(503, "Google has blocked this computer for a while"),
    "too_many_waiting": Kind(503, "Too many requests wait for Drive's quota"),
    "key_refused": Kind(503, "Google rejected the API key"),
    "credentials_refused": Kind(503, "Google rejected the service account"),
    "drive_api_disabled": Kind(503, "The Drive API is not enabled"),
}
"""What Google Drive may make us answer."""
ONLY_STARTS = (
    "bad_priority",
    "bad_idempotency_key",
    "import_under_way",
    "other_folder",
    "not_queued",
)
PREVIEW = {code: kind for code, kind in START.items() if code not in ONLY_STARTS} | DRIVE
"""What a preview may answer."""
CONTROL = {
    "cross_site": START["cross_site"],
    "unsupported_encoding": START["unsupported_encoding"],
    "import_ended": Kind(409, "The import has ended"),
    "control_contested": Kind(409, "Another request is changing this import"),
    "kafka_unavailable": Kind(503, "Kafka is not responding"),
}
"""What the control of an import may answer."""
RETRY = {
    **{code: START[code] for code in ("not_json", "bad_body", "body_too_large")},
    "unsupported_media_type": START["unsupported_media_type"],
    "unsupported_encoding": START["unsupported_encoding"],
    **{code: CONTROL[code] for code in ("cross_site", "import_ended", "kafka_unavailable")},
    "bad_retry": Kind(400, "The retry is not valid"),
    "retry_under_way": Kind(409, "Another retry has just started"),
}
"""What a retry may answer."""
BODY = ("cross_site", "body_too_large", "unsupported_media_type", "unsupported_encoding")
"""What every other request with a body may be answered."""
DATABASE = {
    "bad_parameter": START["bad_parameter"],
    "database_unavailable": Kind(503, "The database is not responding"),
    "database_not_ready": Kind(503, "The database is not set up"),
    "database_busy": Kind(503, "The database is busy"),
    "database_slow": Kind(503, "The database took too long"),
}
"""What every route that reads the database may answer."""
ACCESS = {
    "missing_key": Kind(401, "An API key is needed"),
    "unknown_key": Kind(401, "The API key is not known"),
    "bad_token": Kind(401, "The access token is not valid"),
    "insufficient_scope": Kind(403, "The API key has another scope"),
}
"""What a request without the right key is answered."""
EVERYWHERE = {
    "body_too_slow": Kind(408, "The body did not arrive in time"),
    "address_too_long": Kind(414, "The URL is too long"),
    "host_not_allowed": Kind(421, "The host name is not allowed"),
    "too_many_requests": Kind(429, "Too many requests"),
    "internal_error": Kind(500, "Internal error"),
    "too_many_connections": Kind(503, "Too many connections"),
}
"""What every request may be answered."""
KINDS = {
    **ACCESS,
    **EVERYWHERE,
    **START,
    **DRIVE,
    **CONTROL,
    **RETRY,
    **DATABASE,
    "bad_request": Kind(400, "The request is not valid"),
    "bad_plan": Kind(400, "The plan id is not valid"),
    "bad_cursor": Kind(400, "The cursor is not valid"),
    "unknown_state": Kind(400, "The state is not valid"),
    "not_found": Kind(404, "Not found"),
    "unknown_import": Kind(404, "The import does not exist"),
    "unknown_file": Kind(404, "The file is not in this import"),
    "unknown_image": Kind(404, "The image does not exist"),
    "unknown_replay": Kind(404, "The replay does not exist"),
    "unknown_topic": Kind(404, "The topic does not exist"),
    "object_missing": Kind(404, "The image is not in the store"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "log_changed": Kind(409, "The log has changed"),
    "plan_expired": Kind(409, "The log no longer holds the planned records"),
    "replay_ended": Kind(409, "The replay has ended"),
    "replay_under_way": Kind(409, "The same request is in progress"),
    "no_thumbnail": Kind(415, "The image has no thumbnail"),
    "empty_time_range": Kind(422, "The time range is empty"),
    "filters_conflict": Kind(422, "The filters cannot be combined"),
    "no_filter": Kind(422, "The selection has no filter"),
    "no_such_import": Kind(422, "The selection has an unknown import"),
    "no_such_reason": Kind(422, "The selection has an unknown reason"),
    "other_replay": Kind(422, "The Idempotency-Key was used with another replay"),
    "replay_too_deep": Kind(422, "The replay is nested too deeply"),
    "thumbnails_busy": Kind(503, "Too many thumbnails are being made"),
    "store_unavailable": Kind(503, "The object store does not answer"),
    "too_many_streams": Kind(503, "Too many streams are open"),
    "unavailable": Kind(503, "Service unavailable"),
}
BY_STATUS = {
    404: ("not_found", "There is nothing at this URL. See /schema for all routes."),
    413: ("body_too_large", "The body is larger than this route accepts. Send a smaller one."),
}


class ParameterFault(Struct, frozen=True):
    parameter: str
    detail: str


class ProblemBody(Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457), as OpenAPI describes them. Act on `code`; show `detail`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str | UnsetType = UNSET
    errors: Sequence[ParameterFault] | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    """What the key must have."""


class Problem(problem_details.ProblemDetailsException):
    """Ends a request with one of `KINDS`. `members` go into the body as they are."""

    def __init__(
        self, code: str, detail: str, headers: dict[str, str] | None = None, **members: object
    ) -> None:
        status, title = KINDS[code]
        super().__init__(code, detail=detail, status_code=status, headers=headers, title=title)
        self.type_ = f"/schema#{code}"  # where every code is explained
        self.code = code
        self.members = members

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        self.instance = request.url.path[:LONGEST_INSTANCE]
        request_id = request.scope["state"].get("request_id")
        self.extra = {"code": self.code, "request_id": request_id, **self.members}
        return super().to_response(request)


def plain_problem(code: str, detail: str) -> bytes:
    """The body of a problem without a request. An empty `instance` is a URI reference, too."""
    status, title = KINDS[code]
    problem = ProblemBody(
        type=f"/schema#{code}", title=title, status=status, detail=detail, code=code, instance=""
    )
    return json_encode(problem)


def bad_parameter(parameter: str, why: str, code: str = "bad_parameter") -> Problem:
    """`why` goes on after the name, such as `is needed`."""
    return Problem(code, f"{parameter} {why}.", errors=[ParameterFault(parameter, why)])


def database_problems(*codes: str) -> dict[int, ResponseSpec]:
    """For OpenAPI: what a route that reads the database may answer, besides these codes."""
    return problem_specs(*codes, *DATABASE)


def problem_specs(*codes: str) -> dict[int, ResponseSpec]:
    """For OpenAPI: one entry per status."""
    titles: dict[int, list[str]] = {}
    for code in codes:
        titles.setdefault(KINDS[code].status, []).append(f"`{code}`: {KINDS[code].title}")
    return {
        status: ResponseSpec(
            data_container=ProblemBody,
            description="; ".join(named),
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status, named in titles.items()
    }


def _problem_of(why: Exception) -> Problem:
    match why:
        case SetAside():
            return Problem("bad_parameter", why.message)
        case Verdict():
            code = why.reason if why.reason in KINDS else "unavailable"
            wait = why.retry_after if isinstance(why, TryAgain) else None
            return Problem(code, why.message, {"Retry-After": str(ceil(wait or RETRY_SECONDS))})
        case ValidationException():
            found = why.extra if isinstance(why.extra, list) else []
            faults = [ParameterFault(f.get("key", ""), of_parameter(f["message"])) for f in found]
            said = " ".join(f"{fault.parameter} {fault.detail}." for fault in faults)
            return Problem("bad_parameter", said or "A parameter is not valid.", errors=faults)
        case HTTPException(status_code=405):
            return _not_allowed(why)
        case HTTPException() if why.status_code < 500:
            bad_request = ("bad_request", "The request is not valid HTTP.")
            return Problem(*BY_STATUS.get(why.status_code, bad_request))
        case _:
            log.exception("request.unforeseen")
            detail = "This is a bug in Drivestream. Search the API's log for this request_id."
            return Problem("internal_error", detail)


def _not_allowed(why: HTTPException) -> Problem:
    allow = (why.headers or {}).get("allow", "")
    usable = " or ".join(sorted(set(allow.split(", ")) - {"OPTIONS"}))
    detail = f"This URL does not support the method. Use {usable}."
    return Problem("method_not_allowed", detail, {"Allow": allow})


PROBLEM_DETAILS = problem_details.ProblemDetailsPlugin(
    problem_details.ProblemDetailsConfig(exception_to_problem_detail_map={Exception: _problem_of})
)

"""What can go wrong with a request, each with a stable code: RFC 9457 problem+json.

`KINDS` lists every code. The sentences about a bad folder link come from `core/folder_link.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.plugins.problem_details import ProblemDetailsException
from msgspec import UNSET, Struct, UnsetType

MEDIA_TYPE = "application/problem+json"
LONGEST_INSTANCE = 200
AnyRequest = Request[Any, Any, State]


@dataclass(frozen=True)
class Kind:
    """The status and the title of a code."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    "bad_request": Kind(400, "The request cannot be understood"),
    "missing_body": Kind(400, "The body is missing"),
    "not_json": Kind(400, "The body is not JSON"),
    "not_an_object": Kind(400, "The body is not a JSON object"),
    "missing_folder_url": Kind(400, "folderUrl is missing"),
    "folder_url_not_text": Kind(400, "folderUrl is not a string"),
    "empty": Kind(400, "The link is empty"),
    "too_long": Kind(400, "The link is too long"),
    "not_drive": Kind(400, "The link does not lead to Google Drive"),
    "bad_id": Kind(400, "The link has no valid folder id"),
    "file_link": Kind(400, "The link leads to a file"),
    "document_link": Kind(400, "The link leads to a document"),
    "private_view": Kind(400, "The link opens a personal view of Drive"),
    "no_folder": Kind(400, "The link has no folder"),
    "bad_idempotency_key": Kind(400, "The Idempotency-Key is not valid"),
    "bad_parameter": Kind(400, "A parameter is not valid"),
    "bad_cursor": Kind(400, "The cursor is not valid"),
    "unknown_state": Kind(400, "The state does not exist"),
    "cross_site": Kind(403, "Another web site sent this request"),
    "not_found": Kind(404, "Not found"),
    "unknown_import": Kind(404, "The import does not exist"),
    "unknown_image": Kind(404, "The image does not exist"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "import_under_way": Kind(409, "The same request is in progress"),
    "body_too_large": Kind(413, "The body is too large"),
    "address_too_long": Kind(414, "The address is too long"),
    "unsupported_media_type": Kind(415, "The body is not sent as JSON"),
    "host_not_allowed": Kind(421, "The host name is not allowed"),
    "other_folder": Kind(422, "The Idempotency-Key was used for another folder"),
    "internal_error": Kind(500, "Internal error"),
    "not_queued": Kind(500, "The import could not be queued"),
    "unavailable": Kind(503, "Service unavailable"),
    "database_unavailable": Kind(503, "The database does not answer"),
    "database_not_ready": Kind(503, "The database is not set up"),
    "database_busy": Kind(503, "The database is busy"),
    "database_slow": Kind(503, "The database is slow"),
}


class ParameterFault(Struct, frozen=True):
    """One parameter that was refused, and why."""

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


class Problem(ProblemDetailsException):
    """Ends a request with one of `KINDS`. `retry_after` is in seconds."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: float | None = None,
        allow: str | None = None,
        errors: Sequence[ParameterFault] = (),
    ) -> None:
        kind = KINDS[code]
        headers = {} if retry_after is None else {"Retry-After": str(ceil(retry_after))}
        super().__init__(
            code,
            detail=detail,
            status_code=kind.status,
            headers=headers if allow is None else {**headers, "Allow": allow},
            type_=f"/schema#{code}",  # the page that explains every code
            title=kind.title,
        )
        self.code = code
        self.errors = errors

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """The response, with the path and the id of the request."""
        self.instance = request.url.path[:LONGEST_INSTANCE]
        extra = {"code": self.code, "request_id": request.scope["state"].get("request_id")}
        self.extra = {**extra, "errors": self.errors} if self.errors else extra
        return super().to_response(request)


def problem_responses(*codes: str) -> Mapping[int, ResponseSpec]:
    """For OpenAPI: the problems that a route may answer with, one entry per status."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: ResponseSpec(
            data_container=ProblemBody,
            description="; ".join(f"`{code}`: {KINDS[code].title}" for code in named),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status, named in by_status.items()
    }

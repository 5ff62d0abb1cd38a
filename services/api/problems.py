"""What can go wrong with a request, each with a stable code: RFC 9457 problem+json.

`KINDS` is the whole list, but for the reasons why a link was refused, which `folder_link` words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType

INTERNAL = "This is a fault of ours; the log has it under the request id."
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A status and a title: the same for every occurrence."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    "bad_request": Kind(400, "The request cannot be understood"),
    "not_json": Kind(400, "The body is not JSON"),
    "not_an_object": Kind(400, "The body is not a JSON object"),
    "missing_folder_url": Kind(400, "folderUrl is missing"),
    "folder_url_not_text": Kind(400, "folderUrl is not a text"),
    "empty": Kind(400, "The link is empty"),
    "too_long": Kind(400, "The link is too long"),
    "not_drive": Kind(400, "The link does not lead to Google Drive"),
    "bad_id": Kind(400, "The link holds no valid folder id"),
    "file_link": Kind(400, "The link leads to a file"),
    "document_link": Kind(400, "The link leads to a document"),
    "private_view": Kind(400, "The link leads to somebody's own view of Drive"),
    "no_folder": Kind(400, "The link names no folder"),
    "bad_idempotency_key": Kind(400, "The Idempotency-Key cannot be used"),
    "bad_parameter": Kind(400, "A parameter has no valid value"),
    "bad_cursor": Kind(400, "The cursor is not one of ours"),
    "unknown_state": Kind(400, "There is no such state"),
    "cross_site": Kind(403, "Another web site may not do this"),
    "not_found": Kind(404, "There is nothing at this address"),
    "unknown_import": Kind(404, "There is no such import"),
    "unknown_image": Kind(404, "There is no such image"),
    "method_not_allowed": Kind(405, "This address does not do that"),
    "import_under_way": Kind(409, "The same request is being answered now"),
    "body_too_large": Kind(413, "The body is too large"),
    "address_too_long": Kind(414, "The address is too long"),
    "other_folder": Kind(422, "The Idempotency-Key was used for another folder"),
    "internal_error": Kind(500, "Something went wrong here"),
    "not_queued": Kind(500, "The import could not be queued"),
    "unavailable": Kind(503, "The answer is not available now"),
    "database_unavailable": Kind(503, "The database does not answer"),
    "database_not_ready": Kind(503, "The database is not set up"),
    "database_busy": Kind(503, "The database is busy"),
    "database_slow": Kind(503, "The database is slow"),
}
BY_STATUS = {
    404: ("not_found", "There is nothing at this address; /schema lists what there is."),
    405: ("method_not_allowed", "This address answers other methods; `Allow` names them."),
    413: ("body_too_large", "The body is larger than any request needs."),
}


class ParameterFault(Struct, frozen=True):
    """One parameter that was refused, and why."""

    parameter: str
    detail: str


class ProblemBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457). Act on `code`; show `detail`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str | UnsetType = UNSET
    errors: Sequence[ParameterFault] | UnsetType = UNSET


class Problem(Exception):
    """Ends a request with one of `KINDS`. `retry_after` is in seconds."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: float | None = None,
        errors: Sequence[ParameterFault] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.errors = errors

    @property
    def kind(self) -> Kind:
        """Its status and title."""
        return KINDS[self.code]

    def body(self, instance: str, request_id: str | None) -> ProblemBody:
        """What the client reads; `instance` is the path that was asked for."""
        return ProblemBody(
            type=f"/schema#{self.code}",  # the page that lists them all
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            code=self.code,
            instance=instance,
            request_id=request_id or UNSET,
            errors=self.errors or UNSET,
        )


def by_status(status: int) -> Problem:
    """The general problem of an HTTP status; one that has no words of its own is 400 or 500."""
    if status >= 500:
        return Problem("internal_error", INTERNAL)
    return Problem(*BY_STATUS.get(status, ("bad_request", "The request is not valid HTTP.")))

"""Imports: start one, watch it, and see what became of each of its files."""

from dataclasses import dataclass
from typing import Annotated, cast

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, HeaderParameter, QueryParameter, SkipValidation

from services.adapters.catalog.views import FILE_STATES, ImportFile, ImportPlace
from services.api.lists import DEFAULT_PAGE, Cursor, Limit, key_of, page_of
from services.api.problems import DATABASE, START, AnyRequest, bad_parameter, problem_specs
from services.api.progress import ImportReport, ImportView, ImportViews, place_of
from services.api.start import EXAMPLE, ImportStarter

Starter = NamedDependency[SkipValidation[ImportStarter]]
Views = NamedDependency[SkipValidation[ImportViews]]


class ImportStarted(msgspec.Struct, frozen=True, rename="camel"):
    """The import is queued; `job_id` is its id."""

    job_id: str
    message: str = "Import started"


@dataclass
class StartOperation(Operation):
    """Describes the body for OpenAPI. The handler parses it itself, for better error messages."""

    def __post_init__(self) -> None:
        link = Schema(type=OpenAPIType.STRING, description="The link of a public Drive folder.")
        body = Schema(
            type=OpenAPIType.OBJECT,
            properties={"folderUrl": link},
            required=["folderUrl"],
            examples=[cast(object, msgspec.json.decode(EXAMPLE))],
        )
        content = {"application/json": OpenAPIMediaType(schema=body)}
        self.request_body = RequestBody(required=True, content=content)


@post(
    "/import/google-drive",
    status_code=202,
    operation_class=StartOperation,
    summary="Import a Google Drive folder",
    responses=problem_specs(*START),
    response_description="Kafka has acknowledged the request. `Location` is where to watch it.",
)
async def start_import(
    request: AnyRequest,
    starter: Starter,
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="Requests with the same key start one import, so repeating is safe.",
        ),
    ] = None,
) -> Response[ImportStarted]:
    """Queue an import. With an `Idempotency-Key`, repeating the request starts nothing twice."""
    import_id = await starter.start(await request.body(), key)
    return Response(ImportStarted(import_id), headers={"Location": f"/imports/{import_id}"})


@get(
    "/imports",
    summary="The imports, newest first",
    responses=problem_specs("bad_cursor", *DATABASE),
)
async def list_imports(
    request: AnyRequest, views: Views, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response[list[ImportView]]:
    """A page, with `Link: <…>; rel="next"` if more follow."""
    before = key_of(cursor, "imports", ImportPlace)
    rows = await views.newest(before=before, limit=limit + 1)
    return page_of(rows, limit, request, "imports", place_of)


@get(
    "/imports/{import_id:str}",
    summary="One import",
    responses=problem_specs("unknown_import", *DATABASE),
)
async def get_import(import_id: FromPath[str], views: Views) -> ImportReport:
    """Its state, its counts (found = stored + unchanged + failed + pending), what it waits for, and
    the folders that could not be listed."""
    return await views.report(import_id)


@get(
    "/imports/{import_id:str}/files",
    summary="The files of an import",
    responses=problem_specs("unknown_state", "bad_cursor", "unknown_import", *DATABASE),
)
async def list_import_files(
    request: AnyRequest,
    import_id: FromPath[str],
    views: Views,
    in_state: Annotated[
        str | None,
        QueryParameter(name="state", enum=FILE_STATES, description="Only files in this state."),
    ] = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response[list[ImportFile]]:
    """A page by Drive id, with `Link: <…>; rel="next"` if more follow."""
    if in_state is not None and in_state not in FILE_STATES:
        known = ", ".join(FILE_STATES)
        raise bad_parameter("state", f"must be one of {known}", code="unknown_state")
    after = key_of(cursor, "files", str)
    rows = await views.files(import_id, state=in_state, after=after, limit=limit + 1)
    return page_of(rows, limit, request, "files", lambda file: file.google_drive_id)

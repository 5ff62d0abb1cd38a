"""Imports: start one, watch it, and see what became of each of its files."""

from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, HeaderParameter, QueryParameter, SkipValidation

from services.adapters.catalog.views import FILE_STATES, ImportFile, ImportPlace
from services.api.images import DATABASE, Catalog
from services.api.paging import DEFAULT_PAGE, Cursor, Limit, cursor_of, key_of, next_link, page_of
from services.api.problems import AnyRequest, ParameterFault, Problem, problem_responses
from services.api.progress import ImportViews, place_of
from services.api.reports import FAILED_FOLDERS, ImportReport, ImportView, report
from services.api.start import ImportStarter
from services.api.submission import EXAMPLE, parse_submission

Starter = NamedDependency[SkipValidation[ImportStarter]]
Views = NamedDependency[SkipValidation[ImportViews]]


class ImportStarted(msgspec.Struct, frozen=True, rename="camel"):
    """The import is queued; `job_id` is its id."""

    message: str
    job_id: str


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
    operation_id="startImport",
    operation_class=StartOperation,
    summary="Import a Google Drive folder",
    responses={
        **problem_responses(
            "missing_body",
            "not_json",
            "not_an_object",
            "missing_folder_url",
            "folder_url_not_text",
            "empty",
            "too_long",
            "not_drive",
            "bad_id",
            "file_link",
            "document_link",
            "private_view",
            "no_folder",
            "bad_idempotency_key",
            "cross_site",
            "import_under_way",
            "body_too_large",
            "unsupported_media_type",
            "other_folder",
            "not_queued",
        )
    },
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
    submission = parse_submission(await request.body(), key)
    await starter.start(submission)
    job = str(submission.job_id)
    return Response(
        ImportStarted(message="Import started", job_id=job),
        headers={"Location": f"/imports/{job}"},
    )


@get(
    "/imports",
    operation_id="listImports",
    summary="The imports, newest first",
    responses={**problem_responses("bad_parameter", "bad_cursor", *DATABASE)},
)
async def list_imports(
    views: Views, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response[list[ImportView]]:
    """A page, with `Link: <…>; rel="next"` if more follow."""
    before = key_of(cursor, "imports", ImportPlace)
    page, more = page_of(await views.newest(before=before, limit=limit + 1), limit)
    following = cursor_of("imports", place_of(page[-1])) if more else None
    link = next_link("/imports", {"limit": limit}, following) if following else {}
    return Response(list(page), headers=link)


@get(
    "/imports/{import_id:str}",
    operation_id="getImport",
    summary="One import",
    responses={**problem_responses("bad_parameter", "unknown_import", *DATABASE)},
)
async def get_import(import_id: FromPath[str], views: Views, catalog: Catalog) -> ImportReport:
    """Its state, its counts (found = stored + unchanged + failed + pending), what it waits for, and
    the folders that could not be listed."""
    view = await _found(views, import_id)
    failed = view.folders_failed > 0
    folders = await catalog.failed_folders(import_id, limit=FAILED_FOLDERS) if failed else ()
    return report(view, folders)


@get(
    "/imports/{import_id:str}/files",
    operation_id="listImportFiles",
    summary="The files of an import",
    responses={
        **problem_responses(
            "bad_parameter", "unknown_state", "bad_cursor", "unknown_import", *DATABASE
        )
    },
)
async def list_files(
    import_id: FromPath[str],
    catalog: Catalog,
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
        fault = ParameterFault("state", f"must be one of {known}")
        raise Problem("unknown_state", f"The state must be one of {known}.", errors=(fault,))
    after = key_of(cursor, "files", str)
    rows = await catalog.import_files(import_id, state=in_state, after=after, limit=limit + 1)
    if not rows:
        await _found(views, import_id)  # a 404 if there is no such import
    page, more = page_of(rows, limit)
    if not more:
        return Response(list(page))
    asked = {"state": in_state, "limit": limit}
    following = cursor_of("files", page[-1].google_drive_id)
    path = f"/imports/{quote(import_id, safe='')}/files"
    return Response(list(page), headers=next_link(path, asked, following))


async def _found(views: ImportViews, import_id: str) -> ImportView:
    found = await views.one(import_id)
    if found is None:
        raise Problem("unknown_import", "No import has this id.")
    return found

"""Imports: start one, watch it, and see what became of each of its files."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec
import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, HeaderParameter, QueryParameter, SkipValidation

from services.adapters.catalog.views.files import FILE_STATES, ImportFile
from services.adapters.catalog.views.imports import ImportPlace
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.api import problems
from services.api.bodies import body_of
from services.api.import_cache import ImportCache, place_of
from services.api.import_views import ImportReport, ImportView, ImportViews
from services.api.keys import IMPORT, READ, SCOPE, By
from services.api.lists import DEFAULT_PAGE, Cursor, Limit, key_of, page_of
from services.api.problems import AnyRequest, Problem, bad_parameter, database_problems
from services.core.events import ImportRequested, Mode, Priority
from services.core.folder_link import FolderLink, NotAFolderLinkError, parse_folder_link
from services.core.ports import PublishesEvents

CATCH_UP_SECONDS = 2.0
LARGEST_BODY = 64 * 1024
NAMESPACE = uuid5(NAMESPACE_URL, "drivestream:imports")
KEY = re.compile(r"[\x20-\x7e]{1,255}")
REASON = re.compile(r"[a-z0-9_]{1,64}")
EXAMPLE = {"folderUrl": "https://drive.google.com/drive/folders/…"}
log = structlog.get_logger()


def parse_request(body: bytes, key: str | None, now: datetime) -> ImportRequested:
    """The import, if its folder is new; raises `Problem`."""
    link = link_in(body)
    if key is not None and not KEY.fullmatch(key):
        raise Problem(
            "bad_idempotency_key",
            "The Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID.",
        )
    # The same key is the same import, whichever process answers.
    return ImportRequested(
        import_id=str(uuid4() if key is None else uuid5(NAMESPACE, key)),
        folder_id=link.folder_id,
        folder_url=link.url,
        resource_key=link.resource_key,
        requested_at=now,
        priority=_priority(body),
    )


def link_in(body: bytes) -> FolderLink:
    """The link in `folderUrl`; raises `Problem`."""
    try:
        return parse_folder_link(_folder_url(body))
    except NotAFolderLinkError as why:
        raise Problem(why.code, str(why)) from why


def _priority(body: bytes) -> Priority:
    """Of a body that has a link. Raises `Problem`."""
    asked = msgspec.json.decode(body).get("priority", Priority.NORMAL.value)
    for priority in Priority:
        if asked == priority.value:
            return priority
    raise Problem("bad_priority", "The priority must be `normal` or `bulk`.")


def _folder_url(body: bytes) -> str:
    try:
        asked = msgspec.json.decode(body or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        code = "not_json"
    else:
        match asked:
            case {"folderUrl": str(url)}:
                return url
            case {"folderUrl": value} if value is not None:
                code = "folder_url_not_text"
            case {}:
                code = "missing_folder_url"
            case _:
                code = "not_an_object" if body else "missing_body"
    example = msgspec.json.encode(EXAMPLE).decode()
    raise Problem(code, f"{problems.KINDS[code].title}. Send {example}.")


@dataclass(frozen=True)
class ImportStarter:
    """For one import id there is one request at a time."""

    publisher: PublishesEvents
    tail: Tail[ImportCache]
    under_way: set[str] = field(default_factory=set)

    async def start(self, body: bytes, key: str | None, by: str) -> str:
        """The id of the import, once Kafka has acknowledged it; raises `Problem`."""
        request = msgspec.structs.replace(parse_request(body, key, datetime.now(UTC)), by=by)
        if request.import_id in self.under_way:
            raise Problem(
                "import_under_way",
                "A request with this Idempotency-Key is in progress. Send it again in a second.",
                headers={"Retry-After": "1"},
            )
        self.under_way.add(request.import_id)
        structlog.contextvars.bind_contextvars(import_id=request.import_id)
        try:
            await self._start(request)
        finally:
            self.under_way.discard(request.import_id)
        return request.import_id

    async def _start(self, request: ImportRequested) -> None:
        caught_up = await self.tail.caught_up(CATCH_UP_SECONDS)
        known = self.tail.view.request(request.import_id)
        if known is not None:
            if (known.folder_id, known.resource_key) == (request.folder_id, request.resource_key):
                return
            raise Problem(
                "other_folder",
                "This Idempotency-Key already started an import of another link. "
                "Use a new key for each import.",
            )
        # Only the whole topic says that nothing is stored yet. A file of a folder that is new may
        # have come with another folder, so every later import looks.
        if not self.tail.view.begin() or not caught_up:
            request = msgspec.structs.replace(request, mode=Mode.CHECK)
        about = {"import_id": request.import_id, "folder_id": request.folder_id}
        try:
            await self.publisher.publish([request])
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("import.not_queued", why=str(why), **about)
            raise Problem(
                "not_queued",
                "Kafka did not acknowledge the request in time, so the import may not have "
                "started. It is safe to send the request again with the same Idempotency-Key.",
            ) from why
        self.tail.view.apply(request)  # no 404 until the tail has read it
        log.info("import.requested", mode=request.mode.value, **about)


class ImportStarted(msgspec.Struct, frozen=True, rename="camel"):
    job_id: str  # the import's id
    message: str = "Import started"


@dataclass
class LinkOperation(Operation):
    """Describes the body for OpenAPI. The handler parses it itself, for better error messages."""

    also: ClassVar[dict[str, Schema]] = {}

    def __post_init__(self) -> None:
        link = Schema(type=OpenAPIType.STRING, description="The link of a public Drive folder.")
        body = Schema(
            type=OpenAPIType.OBJECT,
            properties={"folderUrl": link, **self.also},
            required=["folderUrl"],
            examples=[EXAMPLE],
        )
        content = {"application/json": OpenAPIMediaType(schema=body)}
        self.request_body = RequestBody(required=True, content=content)


@dataclass
class StartOperation(LinkOperation):
    also: ClassVar[dict[str, Schema]] = {
        "priority": Schema(
            type=OpenAPIType.STRING,
            enum=[each.value for each in Priority],
            default=Priority.NORMAL.value,
            description="With `bulk`, all other imports go first.",
        )
    }


Views = NamedDependency[SkipValidation[ImportViews]]


@post(
    "/import/google-drive",
    opt={SCOPE: IMPORT},
    status_code=202,
    operation_class=StartOperation,
    summary="Import a Google Drive folder",
    responses=problems.problem_specs(*problems.START),
    response_description="The import is accepted. `Location` is its URL.",
)
async def start_import(
    request: AnyRequest,
    starter: NamedDependency[SkipValidation[ImportStarter]],
    by: By,
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="Requests with the same key start only one import, so retries are safe.",
        ),
    ] = None,
) -> Response[ImportStarted]:
    """Starts an import. With an `Idempotency-Key`, a repeated request starts no second import."""
    import_id = await starter.start(await body_of(request), key, by)
    return Response(ImportStarted(import_id), headers={"Location": f"/imports/{import_id}"})


@get(
    "/imports",
    opt={SCOPE: READ},
    summary="List imports, newest first",
    responses=database_problems("bad_cursor"),
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
    opt={SCOPE: READ},
    summary="Get an import",
    responses=database_problems("unknown_import"),
)
async def get_import(import_id: FromPath[str], views: Views) -> ImportReport:
    """Its state, its counts (found = stored + unchanged + failed + pending), what it waits for, and
    the folders that could not be listed."""
    return await views.report(import_id)


@dataclass(frozen=True)
class FileFilter:
    state: str | None
    reason: str | None


def file_filter(
    in_state: Annotated[
        str | None,
        QueryParameter(name="state", enum=FILE_STATES, description="Only files in this state."),
    ] = None,
    reason: Annotated[
        str | None, QueryParameter(description="Only files that failed for this reason.")
    ] = None,
) -> FileFilter:
    if in_state is not None and in_state not in FILE_STATES:
        known = ", ".join(FILE_STATES)
        raise bad_parameter("state", f"must be one of {known}", code="unknown_state")
    if reason is not None and not REASON.fullmatch(reason):
        raise bad_parameter("reason", "must be a reason code, such as not_found")
    return FileFilter(in_state, reason)


@get(
    "/imports/{import_id:str}/files",
    opt={SCOPE: READ},
    summary="List the files of an import",
    dependencies={"wanted": Provide(file_filter, sync_to_thread=False)},
    responses=database_problems("unknown_state", "bad_cursor", "unknown_import"),
)
async def list_import_files(
    request: AnyRequest,
    import_id: FromPath[str],
    views: Views,
    wanted: NamedDependency[SkipValidation[FileFilter]],
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response[list[ImportFile]]:
    """A page by Drive id, with `Link: <…>; rel="next"` if more follow."""
    listing = ":".join(["files", import_id, wanted.state or "", *filter(None, [wanted.reason])])
    after = key_of(cursor, listing, str)
    rows = await views.files(
        import_id, state=wanted.state, reason=wanted.reason, after=after, limit=limit + 1
    )
    return page_of(rows, limit, request, listing, lambda file: file.google_drive_id)

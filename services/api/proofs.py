"""Proofs of an import, for others' tools: every file with its outcome as CSV, and the SHA-256 of
every object. Each is streamed; one that breaks off breaks its connection."""

from collections.abc import AsyncIterator, Sequence

from litestar import get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from services.adapters.catalog.views.files import ManifestRow
from services.api.imports import Views
from services.api.keys import READ, SCOPE
from services.api.lists import streamed
from services.api.problems import database_problems
from services.core.csv_text import csv_text

COLUMNS = ManifestRow.__struct_fields__
ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r"})
CSV = "text/csv; header=present"  # the charset is added
Pages = AsyncIterator[Sequence[ManifestRow]]


async def manifest(pages: Pages) -> AsyncIterator[bytes]:
    """RFC 4180, with the names of the columns first."""
    rows: list[Sequence[object]] = [COLUMNS]
    async for page in pages:
        rows += ([getattr(row, name) for name in COLUMNS] for row in page)
        yield csv_text(rows)
        rows = []
    if rows:
        yield csv_text(rows)


async def checksums(pages: Pages) -> AsyncIterator[bytes]:
    """As coreutils write them. The comment at the end says that the list is whole."""
    listed = unknown = 0
    async for page in pages:
        lines = [_line(row.sha256, row.object_key) for row in page if row.sha256 and row.object_key]
        listed += len(lines)
        unknown += len(page) - len(lines)
        if lines:
            yield "".join(lines).encode()
    yield f"# The end. {listed} listed; {unknown} stored without a known SHA-256.\n".encode()


def _line(sha256: str, name: str) -> str:
    """A backslash before the line says that the name is escaped."""
    escaped = name.translate(ESCAPES)
    mark = "" if escaped == name else "\\"
    return f"{mark}{sha256}  {escaped}\n"


def _text(description: str, media_type: str) -> ResponseSpec:
    return ResponseSpec(
        str, description=description, media_type=media_type, generate_examples=False
    )


@get(
    "/imports/{import_id:str}/manifest.csv",
    opt={SCOPE: READ},
    summary="Every file of an import, as CSV",
    description="A row for each file, by Drive id, with its outcome, the reason if it has none, "
    "its size, its checksums and its object's key. It shows the import as it is now, so wait until "
    "it has ended. It is CSV after RFC 4180 in UTF-8. A text that begins with one of `=`, `+`, "
    "`-`, `@`, a tab, a line break or an apostrophe has an apostrophe before it, so that no "
    "spreadsheet takes it for a formula: programs remove one. A size is what was stored. An object "
    "that was there already was not read; its `sha256` is that of the import which stored it, or "
    "Drive's, or empty. `content_type` is what the object is by its bytes, and `mime_type` what "
    "Drive says. If it breaks off, so does the connection.",
    responses={
        200: _text("The rows, streamed.", "text/csv"),
        **database_problems("unknown_import"),
    },
)
async def get_manifest(import_id: FromPath[str], views: Views) -> ASGIResponse:
    rows = views.every_file(import_id, in_store=False)
    return await streamed(manifest(rows), CSV, _saved_as("manifest.csv"))


@get(
    "/imports/{import_id:str}/SHA256SUMS",
    opt={SCOPE: READ},
    summary="The SHA-256 of every object of an import",
    description="A line for each file that is stored or unchanged, under its object's key, for "
    "`sha256sum --check` where the objects were downloaded and for `rclone checksum sha256`. The "
    "last line is a comment: how many are listed, and of how many no SHA-256 is known, which are "
    "not. Without that line it is not whole. rclone notes the comment as improperly formatted, and "
    "goes on.",
    responses={
        200: _text("The lines, streamed.", "text/plain"),
        **database_problems("unknown_import"),
    },
)
async def get_checksums(import_id: FromPath[str], views: Views) -> ASGIResponse:
    rows = views.every_file(import_id, in_store=True)
    return await streamed(checksums(rows), "text/plain", _saved_as("SHA256SUMS"))


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}

"""files.export, and files.download with its long-running operations."""

import struct
from typing import Any
from urllib.parse import quote

from drive_emulator.drive_api.backend import Backend
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.export_formats import (
    EDITORS,
    FORMATS,
    MAX_EXPORT_BYTES,
    check_format,
    exported,
    format_of,
)
from drive_emulator.drive_api.files import visible_file
from drive_emulator.drive_api.media import downloadable
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import (
    ApiError,
    api_error,
    missing_parameter,
    named_error,
    not_found,
)
from drive_emulator.tree.tree import File

OPERATION_LIFE_S = 24 * 3600
_CREATED = struct.Struct(">dB")  # the time, and the number of the format (0: the file's bytes)
_PURPOSE = b"operation"
_TYPE = "type.googleapis.com/google.apps.drive.v3."


def routes(backend: Backend) -> list[Route]:
    exports = ExportEndpoints(backend)
    one = "/drive/v3/files/{fileId}"
    return [
        Route("GET", f"{one}/export", "export", exports.export),
        Route("GET", f"{one}/export", "export", exports.export, alt="media"),  # some clients' way
        *(Route("GET", path, "export", exports.export_link) for path in EDITORS.values()),
        Route("POST", f"{one}/download", "download", exports.download),
        Route("GET", "/drive/v3/operations/{name}", "operation", exports.operation),
    ]


class ExportEndpoints:
    """Operations are done at once, and their names hold everything: none is stored."""

    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._worker = backend.worker
        self._now = backend.clock.now

    async def export(self, context: RequestContext) -> None:
        """The document in another format. A Range is ignored, as Google does."""
        wanted = context.request.params.get("mimeType", "")
        file = visible_file(self._store, context)
        if not wanted:
            raise missing_parameter("mimeType")
        await self._send(context, file, check_format(file, wanted))

    async def export_link(self, context: RequestContext) -> None:
        """The same for a link of `exportLinks`, which names the file in its query."""
        params = context.request.params
        file = self._store.find(params.get("id", ""))
        if file is None or not self._store.visible(file, context.caller, all_drives=True):
            raise not_found(params.get("id", "")[:100])
        wanted = format_of(file.entry.mime_type, params.get("exportFormat", ""))
        await self._send(context, file, check_format(file, wanted))

    async def _send(self, context: RequestContext, file: File, mime_type: str) -> None:
        if not file.entry.extras.can_download:
            raise named_error("cannotDownloadFile")
        content = await self._worker.run(lambda: exported(file, mime_type))
        if max(len(content), _stated_size(file)) > MAX_EXPORT_BYTES:
            raise named_error("exportSizeLimitExceeded")
        headers = [
            (b"content-type", mime_type.encode()),
            (b"content-disposition", b"attachment"),
            (b"server", b"ESF"),
        ]
        await context.send_bytes(200, headers, content)

    async def download(self, context: RequestContext) -> None:
        """A finished operation that says where the bytes are."""
        file = visible_file(self._store, context)
        wanted = context.request.params.get("mimeType", "")
        number = 0
        if not file.entry.extras.can_download:
            raise named_error("cannotDownloadFile")
        if file.entry.blob is not None:
            downloadable(file, context.caller, context.request.params)
        if file.entry.blob is None or wanted:
            formats = FORMATS.get(file.entry.mime_type, ())
            number = 1 + formats.index(check_format(file, wanted))
        payload = _CREATED.pack(self._now(), number) + file.id.encode()
        name = self._store.cipher.encrypt(payload, _PURPOSE)
        await context.send_json(self._done(context, name, file, number))

    async def operation(self, context: RequestContext) -> None:
        """The operation with this name, until a day after it was created."""
        name = context.names[0]
        payload = self._store.cipher.decrypt(name, _PURPOSE)
        if payload is None:
            raise _operation_not_found(name)
        created, number = _CREATED.unpack(payload[: _CREATED.size])
        file_id = payload[_CREATED.size :].decode()
        file = self._store.find(file_id)
        if self._now() - created > OPERATION_LIFE_S:
            raise _operation_not_found(name)
        if file is None or not self._store.visible(file, context.caller, all_drives=True):
            raise not_found(file_id)
        await context.send_json(self._done(context, name, file, number))

    def _done(self, context: RequestContext, name: str, file: File, number: int) -> dict[str, Any]:
        uri = f"{context.request.origin}/drive/v3/files/{file.id}"
        if number:
            mime_type = FORMATS[file.entry.mime_type][number - 1]
            uri += f"/export?mimeType={quote(mime_type, safe='')}"
        else:
            uri = uri.replace("/drive/v3/", "/download/drive/v3/", 1) + "?alt=media"
        metadata = {"@type": f"{_TYPE}DownloadFileMetadata"}
        if file.entry.extras.resource_key:
            metadata["resourceKey"] = file.entry.extras.resource_key
        response = {
            "@type": f"{_TYPE}DownloadFileResponse",
            "downloadUri": uri,
            "partialDownloadAllowed": number == 0,
        }
        return {"name": name, "metadata": metadata, "done": True, "response": response}


def _stated_size(file: File) -> int:
    size = file.entry.extras.says.get("size", 0)
    return int(size) if str(size).isdecimal() else 0


def _operation_not_found(name: str) -> ApiError:
    message = f"Operation not found: {name[:100]}."
    return api_error(404, "notFound", message, ("parameter", "name"))

"""files.export, and files.download with its operations."""

import struct
from typing import Any
from urllib.parse import quote

from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.export_formats import (
    EDITORS,
    FORMATS,
    LARGEST,
    check_format,
    exported,
    format_called,
    too_large,
)
from drive_emulator.drive_api.files import visible
from drive_emulator.drive_api.media import downloadable
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import ApiError, classic, not_found
from drive_emulator.http.refusals import PRESETS, refusal
from drive_emulator.tree.tree import File

OPERATION_LIFE_S = 24 * 3600
_STAMP = struct.Struct(">dB")  # when it was made, and the number of the format (0: the bytes)
_BOUND = b"operation"
_DRIVE = "type.googleapis.com/google.apps.drive.v3."


def routes(state: State) -> list[Route]:
    """Where the handlers of this module answer. `alt=media` is what some clients add to exports."""
    conversions = ExportEndpoints(state)
    one = "/drive/v3/files/{fileId}"
    return [
        Route("GET", f"{one}/export", "export", conversions.export),
        Route("GET", f"{one}/export", "export", conversions.export, alt="media"),
        *(Route("GET", path, "export", conversions.follow) for path in EDITORS.values()),
        Route("POST", f"{one}/download", "download", conversions.download),
        Route("GET", "/drive/v3/operations/{name}", "operation", conversions.operation),
    ]


class ExportEndpoints:
    """An operation is done when it is asked for, and says so in its name: none is kept."""

    def __init__(self, state: State) -> None:
        self._world = state

    async def export(self, context: RequestContext) -> None:
        """The document in another format; a Range is ignored, as Google does."""
        wanted = context.request.params.get("mimeType", "")
        file = visible(self._world.store, context)
        if not wanted:
            raise required("mimeType")
        await self._send(context, file, check_format(file, wanted))

    async def follow(self, context: RequestContext) -> None:
        """The same behind a link of `exportLinks`, which names the file in its query."""
        params = context.request.params
        file = self._world.store.find(params.get("id", ""))
        if file is None or not self._world.store.visible(file, context.caller, all_drives=True):
            raise not_found(params.get("id", "")[:100])
        wanted = format_called(file.entry.mime_type, params.get("exportFormat", ""))
        await self._send(context, file, check_format(file, wanted))

    async def _send(self, context: RequestContext, file: File, mime_type: str) -> None:
        if not file.entry.extras.can_download:
            raise refusal(PRESETS["cannotDownloadFile"])
        content = await self._world.worker.run(lambda: exported(file, mime_type))
        if max(len(content), _told_size(file)) > LARGEST:
            raise too_large()
        headers = [
            (b"content-type", mime_type.encode()),
            (b"content-disposition", b"attachment"),
            (b"content-length", b"%d" % len(content)),
            (b"server", b"ESF"),
        ]
        await context.send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"" if context.request.method == "HEAD" else content
        await context.send({"type": "http.response.body", "body": body, "more_body": False})

    async def download(self, context: RequestContext) -> None:
        """An operation that is done already: where the bytes are."""
        file = visible(self._world.store, context)
        wanted = context.request.params.get("mimeType", "")
        number = 0
        if not file.entry.extras.can_download:
            raise refusal(PRESETS["cannotDownloadFile"])
        if file.entry.blob is not None:
            downloadable(file, context.caller, context.request.params)
        if file.entry.blob is None or wanted:
            formats = FORMATS.get(file.entry.mime_type, ())
            number = 1 + formats.index(check_format(file, wanted))
        payload = _STAMP.pack(self._world.clock.now(), number) + file.id.encode()
        name = self._world.store.cipher.close(payload, _BOUND)
        await context.answer(self._done(context, name, file, number))

    async def operation(self, context: RequestContext) -> None:
        """The operation of a name, for a day from when it was begun."""
        name = context.names[0]
        payload = self._world.store.cipher.open(name, _BOUND)
        if payload is None:
            raise _no_operation(name)
        made, number = _STAMP.unpack(payload[: _STAMP.size])
        file_id = payload[_STAMP.size :].decode()
        file = self._world.store.find(file_id)
        if self._world.clock.now() - made > OPERATION_LIFE_S:
            raise _no_operation(name)
        if file is None or not self._world.store.visible(file, context.caller, all_drives=True):
            raise not_found(file_id)
        await context.answer(self._done(context, name, file, number))

    def _done(self, context: RequestContext, name: str, file: File, number: int) -> dict[str, Any]:
        uri = f"{context.request.origin}/drive/v3/files/{file.id}"
        if number:
            mime_type = FORMATS[file.entry.mime_type][number - 1]
            uri += f"/export?mimeType={quote(mime_type, safe='')}"
        else:
            uri = uri.replace("/drive/v3/", "/download/drive/v3/", 1) + "?alt=media"
        metadata = {"@type": f"{_DRIVE}DownloadFileMetadata"}
        if file.entry.extras.resource_key:
            metadata["resourceKey"] = file.entry.extras.resource_key
        response = {
            "@type": f"{_DRIVE}DownloadFileResponse",
            "downloadUri": uri,
            "partialDownloadAllowed": number == 0,
        }
        return {"name": name, "metadata": metadata, "done": True, "response": response}


def _told_size(file: File) -> int:
    """What a native document says of its size, where a tree was written so; else nothing."""
    told = file.entry.extras.says.get("size", 0)
    return int(told) if str(told).isdecimal() else 0


def required(parameter: str) -> ApiError:
    """400 for a parameter that a method cannot do without."""
    message = f"Required parameter: {parameter}"
    return ApiError(400, classic(400, "required", message, ("parameter", parameter)))


def _no_operation(name: str) -> ApiError:
    message = f"Operation not found: {name[:100]}."
    return ApiError(404, classic(404, "notFound", message, ("parameter", "name")))

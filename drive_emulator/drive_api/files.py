"""files.list, files.get and downloads."""

from functools import partial
from typing import Any

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import Blob
from drive_emulator.drive_api.backend import Backend
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.file_resource import Field, file_json
from drive_emulator.drive_api.list_params import supports_all_drives
from drive_emulator.drive_api.listing import Listing, needs_rendering, page_json, read_list_request
from drive_emulator.drive_api.media import (
    SIGNED_PATH,
    ByteRange,
    check_signature,
    downloadable,
    file_parts,
    hash_header,
    read_range,
    signed_address,
    slice_parts,
)
from drive_emulator.drive_api.routing import Route
from drive_emulator.drive_api.thumbnails import Thumbnails
from drive_emulator.fields.mask import apply_mask, read_fields
from drive_emulator.fields.schema import DEFAULT_FILE, FILE
from drive_emulator.http.errors import Headers, not_found
from drive_emulator.http.messages import send_parts
from drive_emulator.tree.entry import FOLDER
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File

_INLINE_UP_TO = 5_000  # files to look at; a longer search runs in the worker thread
_MEDIA_HEADERS: Headers = (
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, max-age=0, must-revalidate"),
    (b"server", b"UploadServer"),
)


def routes(backend: Backend) -> list[Route]:
    files = FileEndpoints(backend)
    one = "/drive/v3/files/{fileId}"
    return [
        Route("GET", "/drive/v3/files", "list", files.list),
        Route("GET", one, "get", files.get),
        Route("GET", one, "media", files.media, alt="media"),
        Route("GET", f"/download{one}", "media", files.media, alt="media"),
        Route("GET", SIGNED_PATH, "mediahost", files.signed_media, public=True),
    ]


class FileEndpoints:
    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._listing = Listing(backend.store, backend.knobs, backend.clock.now)
        self._worker = backend.worker
        self._thumbnails = Thumbnails(backend)
        self._knobs = backend.knobs
        self._now = backend.clock.now

    async def list(self, context: RequestContext) -> None:
        hooks = context.hooks
        request = hooks.list_request(read_list_request(context.request.params, context.caller))
        if self._listing.cost(request) <= _INLINE_UP_TO:
            page = self._listing.page(request)
        else:
            page = await self._worker.run(lambda: self._listing.page(request))
        page = hooks.page(page, request)
        link = self._thumbnail_link(context)
        if needs_rendering(page):
            body = await self._worker.run(lambda: page_json(page, request.mask, link))
        else:
            body = page_json(page, request.mask, link)
        await context.send_json(hooks.body(body, page.files))

    async def get(self, context: RequestContext) -> None:
        mask = read_fields(context.request.params.get("fields") or DEFAULT_FILE, FILE)
        if context.caller.owns(context.file_id):
            await context.send_json(apply_mask(_my_drive(context.caller), mask))
            return
        file = visible_file(self._store, context)
        if file.entry.blob is not None:
            await self._render(file.entry.blob)
        body = file_json(mask, self._thumbnail_link(context))(file)
        await context.send_json(context.hooks.body(body, [file]))

    async def media(self, context: RequestContext) -> None:
        """The bytes, or a redirect to a signed address."""
        file = visible_file(self._store, context)
        blob = downloadable(file, context.caller, context.request.params)
        if not self._knobs.redirect_media:
            await self._send(context, file, blob)
            return
        address = signed_address(self._store.cipher, context.file_id, self._now())
        await context.send_bytes(302, [(b"location", address.encode()), *_MEDIA_HEADERS], b"")

    async def signed_media(self, context: RequestContext) -> None:
        """The bytes at a signed address; everything else was checked when it was signed."""
        file_id, token = context.file_id, context.request.params.get("qk", "")
        check_signature(self._store.cipher, file_id, token, self._now())
        file = self._store.find(file_id)
        if file is None or file.entry.blob is None:
            raise not_found(file_id)
        await self._send(context, file, file.entry.blob)

    def _thumbnail_link(self, context: RequestContext) -> Field:
        return partial(self._thumbnails.link, origin=context.request.origin)

    async def _send(self, context: RequestContext, file: File, blob: Blob) -> None:
        await self._render(blob)
        size = blob.size
        part = read_range(context.request.header(b"range"), size)
        status, headers = 200, [(b"content-type", file.entry.mime_type.encode()), *_MEDIA_HEADERS]
        if checksum := hash_header(file):
            headers.append(checksum)
        if part is not None:
            status = 206
            content_range = b"bytes %d-%d/%d" % (part.start, part.stop - 1, size)
            headers.append((b"content-range", content_range))
        sent = part or ByteRange(0, size)
        headers.append((b"content-length", b"%d" % (sent.stop - sent.start)))
        await context.send({"type": "http.response.start", "status": status, "headers": headers})
        if context.request.method == "HEAD":
            await context.send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        parts = file_parts(file, blob)
        await send_parts(context.send, parts if part is None else slice_parts(parts, part))

    async def _render(self, blob: Blob) -> None:
        if not blob.ready:
            await self._worker.run(lambda: blob.rendered)


def visible_file(store: TreeStore, context: RequestContext) -> File:
    """The file named by the path; 404 if it does not exist or the caller may not see it.

    Trashed files are visible.
    """
    file = store.find(context.file_id)
    all_drives = supports_all_drives(context.request.params)
    if file is None or not store.visible(file, context.caller, all_drives=all_drives):
        raise not_found(context.file_id)
    return file


def _my_drive(caller: Caller) -> dict[str, Any]:
    return {
        "kind": "drive#file",
        "id": caller.my_drive,
        "name": "My Drive",
        "mimeType": FOLDER,
        "trashed": False,
        "spaces": ["drive"],
        "ownedByMe": True,
    }

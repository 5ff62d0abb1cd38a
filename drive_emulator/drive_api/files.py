"""files.list, files.get and the bytes of a file."""

from typing import Any

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import Blob
from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.corpora import supports_all_drives
from drive_emulator.drive_api.file_resource import projection
from drive_emulator.drive_api.listing import Listing, is_cold, read_list, render_list
from drive_emulator.drive_api.media import (
    MEDIA_HOST,
    ByteRange,
    body,
    check_signed,
    cut,
    downloadable,
    hash_header,
    read_range,
    signed_address,
)
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import BadMask, apply_mask, parse_mask, resolve
from drive_emulator.fields.schema import DEFAULT_FILE, FILE
from drive_emulator.http.errors import Headers, bad_fields, not_found
from drive_emulator.http.messages import send_parts
from drive_emulator.tree.entry import FOLDER
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File

_INLINE_UP_TO = 5_000  # files looked at; a longer search runs beside the event loop
_MEDIA_HEADERS: Headers = (
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, max-age=0, must-revalidate"),
    (b"server", b"UploadServer"),
)


def routes(state: State) -> list[Route]:
    """Where the handlers of this module answer."""
    files = FileEndpoints(state)
    one = "/drive/v3/files/{fileId}"
    return [
        Route("GET", "/drive/v3/files", "list", files.list),
        Route("GET", one, "get", files.get),
        Route("GET", one, "media", files.media, alt="media"),
        Route("GET", f"/download{one}", "media", files.media, alt="media"),
        Route("GET", MEDIA_HOST, "mediahost", files.signed, open=True),
    ]


class FileEndpoints:
    """Reads of one forest."""

    def __init__(self, state: State) -> None:
        self._store = state.store
        self._listing = Listing(state.store, state.knobs, state.clock.now)
        self._worker = state.worker
        self._knobs = state.knobs
        self._now = state.clock.now

    async def list(self, context: RequestContext) -> None:
        hooks = context.hooks
        list_request = hooks.list_request(read_list(context.request.params, context.caller))
        if self._listing.cost(list_request) <= _INLINE_UP_TO:
            page = self._listing.page(list_request)
        else:
            page = await self._worker.run(lambda: self._listing.page(list_request))
        page = hooks.page(page, list_request)
        if is_cold(page):
            answer = await self._worker.run(lambda: render_list(page, list_request.mask))
        else:
            answer = render_list(page, list_request.mask)
        await context.answer(hooks.value(answer, page.files))

    async def get(self, context: RequestContext) -> None:
        try:
            fields = context.request.params.get("fields") or DEFAULT_FILE
            mask = resolve(parse_mask(fields), FILE)
        except BadMask as why:
            raise bad_fields(str(why)) from None
        if context.caller.owns(context.file_id):
            await context.answer(apply_mask(_my_drive(context.caller), mask))
            return
        file = visible(self._store, context)
        if file.entry.blob is not None:
            await self._render(file.entry.blob)
        await context.answer(context.hooks.value(projection(mask)(file), [file]))

    async def media(self, context: RequestContext) -> None:
        """The bytes, or where they are."""
        request = context.request
        file = visible(self._store, context)
        blob = downloadable(file, context.caller, request.params)
        if not self._knobs.redirect_media:
            await self._hand(context, file, blob)
            return
        address = signed_address(self._store.cipher, context.file_id, self._now())
        headers = [(b"location", address.encode()), *_MEDIA_HEADERS, (b"content-length", b"0")]
        await context.send({"type": "http.response.start", "status": 302, "headers": headers})
        await context.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def signed(self, context: RequestContext) -> None:
        """The bytes for whoever has a signed address: everything else was checked before."""
        file_id, qk = context.file_id, context.request.params.get("qk", "")
        check_signed(self._store.cipher, file_id, qk, self._now())
        file = self._store.find(file_id)
        if file is None or file.entry.blob is None:
            raise not_found(file_id)
        await self._hand(context, file, file.entry.blob)

    async def _hand(self, context: RequestContext, file: File, blob: Blob) -> None:
        await self._render(blob)
        size = blob.size
        span = read_range(context.request.header(b"range"), size)
        status, headers = 200, [(b"content-type", file.entry.mime_type.encode()), *_MEDIA_HEADERS]
        if checksum := hash_header(file):
            headers.append(checksum)
        if span is not None:
            status = 206
            about = b"bytes %d-%d/%d" % (span.start, span.stop - 1, size)
            headers.append((b"content-range", about))
        whole = span or ByteRange(0, size)
        headers.append((b"content-length", b"%d" % (whole.stop - whole.start)))
        await context.send({"type": "http.response.start", "status": status, "headers": headers})
        if context.request.method == "HEAD":
            await context.send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        parts = body(file, blob) if span is None else cut(body(file, blob), span)
        await send_parts(context.send, parts)

    async def _render(self, blob: Blob) -> None:
        """Takes tens of milliseconds, once."""
        if not blob.ready:
            await self._worker.run(lambda: blob.contents)


def visible(store: TreeStore, context: RequestContext) -> File:
    """The file that the path names, if the caller may see it; 404 if not, in the same words.

    Trashed files are still there.
    """
    file = store.find(context.file_id)
    all_drives = supports_all_drives(context.request.params)
    if file is None or not store.visible(file, context.caller, all_drives=all_drives):
        raise not_found(context.file_id)
    return file


def _my_drive(caller: Caller) -> dict[str, Any]:
    """An account's own folder, as far as everybody's is the same: nothing is in it."""
    return {
        "kind": "drive#file",
        "id": caller.my_drive,
        "name": "My Drive",
        "mimeType": FOLDER,
        "trashed": False,
        "spaces": ["drive"],
        "ownedByMe": True,
    }

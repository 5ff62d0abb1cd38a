"""files.list, files.get and the bytes of a file."""

from typing import Any

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import Stock
from drive_emulator.control.state import World
from drive_emulator.drive_api.context import Exchange
from drive_emulator.drive_api.corpora import supports_all_drives
from drive_emulator.drive_api.file_resource import projection
from drive_emulator.drive_api.listing import Listing, is_cold, read_list, render_list
from drive_emulator.drive_api.media import (
    MEDIA_HOST,
    Span,
    body,
    check_signed,
    cut,
    downloadable,
    hash_header,
    read_range,
    signed_address,
)
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import BadMask, narrow, parse_mask, pick
from drive_emulator.fields.schema import DEFAULT_FILE, FILE
from drive_emulator.http.errors import Headers, bad_fields, not_found
from drive_emulator.http.messages import send_parts
from drive_emulator.tree.entry import FOLDER
from drive_emulator.tree.store import Forest
from drive_emulator.tree.tree import File

_INLINE_UP_TO = 5_000  # files looked at; a longer search runs beside the event loop
_MEDIA_HEADERS: Headers = (
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, max-age=0, must-revalidate"),
    (b"server", b"UploadServer"),
)


def routes(world: World) -> list[Route]:
    """Where the handlers of this module answer."""
    files = Files(world)
    one = "/drive/v3/files/{fileId}"
    return [
        Route("GET", "/drive/v3/files", "list", files.list),
        Route("GET", one, "get", files.get),
        Route("GET", one, "media", files.media, alt="media"),
        Route("GET", f"/download{one}", "media", files.media, alt="media"),
        Route("GET", MEDIA_HOST, "mediahost", files.signed, open=True),
    ]


class Files:
    """Reads of one forest."""

    def __init__(self, world: World) -> None:
        self._forest = world.forest
        self._listing = Listing(world.forest, world.knobs, world.clock.now)
        self._beside = world.beside
        self._knobs = world.knobs
        self._now = world.clock.now

    async def list(self, exchange: Exchange) -> None:
        effects = exchange.effects
        asked = effects.asked(read_list(exchange.request.params, exchange.caller))
        if self._listing.cost(asked) <= _INLINE_UP_TO:
            page = self._listing.page(asked)
        else:
            page = await self._beside.run(lambda: self._listing.page(asked))
        page = effects.page(page, asked)
        if is_cold(page):
            answer = await self._beside.run(lambda: render_list(page, asked.mask))
        else:
            answer = render_list(page, asked.mask)
        await exchange.answer(effects.value(answer, page.files))

    async def get(self, exchange: Exchange) -> None:
        try:
            fields = exchange.request.params.get("fields") or DEFAULT_FILE
            mask = narrow(parse_mask(fields), FILE)
        except BadMask as why:
            raise bad_fields(str(why)) from None
        if exchange.caller.owns(exchange.file_id):
            await exchange.answer(pick(_my_drive(exchange.caller), mask))
            return
        file = visible(self._forest, exchange)
        if file.entry.stock is not None:
            await self._render(file.entry.stock)
        await exchange.answer(exchange.effects.value(projection(mask)(file), [file]))

    async def media(self, exchange: Exchange) -> None:
        """The bytes, or where they are."""
        request = exchange.request
        file = visible(self._forest, exchange)
        stock = downloadable(file, exchange.caller, request.params)
        if not self._knobs.redirect_media:
            await self._hand(exchange, file, stock)
            return
        address = signed_address(self._forest.seal, exchange.file_id, self._now())
        headers = [(b"location", address.encode()), *_MEDIA_HEADERS, (b"content-length", b"0")]
        await exchange.send({"type": "http.response.start", "status": 302, "headers": headers})
        await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def signed(self, exchange: Exchange) -> None:
        """The bytes for whoever has a signed address: everything else was checked before."""
        file_id, qk = exchange.file_id, exchange.request.params.get("qk", "")
        check_signed(self._forest.seal, file_id, qk, self._now())
        file = self._forest.find(file_id)
        if file is None or file.entry.stock is None:
            raise not_found(file_id)
        await self._hand(exchange, file, file.entry.stock)

    async def _hand(self, exchange: Exchange, file: File, stock: Stock) -> None:
        await self._render(stock)
        size = stock.size
        span = read_range(exchange.request.header(b"range"), size)
        status, headers = 200, [(b"content-type", file.entry.mime_type.encode()), *_MEDIA_HEADERS]
        if checksum := hash_header(file):
            headers.append(checksum)
        if span is not None:
            status = 206
            about = b"bytes %d-%d/%d" % (span.start, span.stop - 1, size)
            headers.append((b"content-range", about))
        whole = span or Span(0, size)
        headers.append((b"content-length", b"%d" % (whole.stop - whole.start)))
        await exchange.send({"type": "http.response.start", "status": status, "headers": headers})
        if exchange.request.method == "HEAD":
            await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        parts = body(file, stock) if span is None else cut(body(file, stock), span)
        await send_parts(exchange.send, parts)

    async def _render(self, stock: Stock) -> None:
        """Takes tens of milliseconds, once."""
        if not stock.ready:
            await self._beside.run(lambda: stock.contents)


def visible(forest: Forest, exchange: Exchange) -> File:
    """The file that the path names, if the caller may see it; 404 if not, in the same words.

    Trashed files are still there.
    """
    file = forest.find(exchange.file_id)
    all_drives = supports_all_drives(exchange.request.params)
    if file is None or not forest.visible(file, exchange.caller, all_drives=all_drives):
        raise not_found(exchange.file_id)
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

"""The Drive v3 API as an ASGI application: gates first, then one method."""

from collections.abc import Sequence

from drive_emulator.asgi import (
    Headers,
    Receive,
    Request,
    Scope,
    Send,
    read_request,
    send_error,
    send_json,
    send_parts,
)
from drive_emulator.beside import Beside
from drive_emulator.caller import Caller
from drive_emulator.control import Control
from drive_emulator.counters import Counters
from drive_emulator.errors import (
    ApiError,
    bad_fields,
    invalid_parameter,
    login_required,
    no_such_method,
    not_downloadable,
    not_found,
)
from drive_emulator.forest import File, Forest
from drive_emulator.gates import Gate, key_of
from drive_emulator.listing import Listing, is_cold, read_list, render_list
from drive_emulator.mask import BadMask, narrow, parse_mask
from drive_emulator.media import Span, body, cut, read_range
from drive_emulator.resource import projection
from drive_emulator.schema import DEFAULT_FILE, FILE
from drive_emulator.stock import Stock

_FILES = "/drive/v3/files"
_ONE = "/drive/v3/files/"
_DOWNLOAD = "/download/drive/v3/files/"
_INLINE_UP_TO = 5_000  # files looked at; a longer search runs beside the event loop

_MEDIA_HEADERS: Headers = (
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, max-age=0, must-revalidate"),
    (b"server", b"UploadServer"),
)


class App:
    """Callable as ASGI 3. `gates` are passed in order, before anything is looked up."""

    def __init__(self, forest: Forest, gates: Sequence[Gate]) -> None:
        self.beside = Beside()
        self._forest = forest
        self._gates = gates
        self._listing = Listing(forest)
        self._counters = Counters()
        self._control = Control(forest, self._counters, self.beside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope["method"], scope["path"], {}, scope["headers"])
        try:
            request = await read_request(scope, receive)
            if request.path.startswith("/_emu/"):
                await self._control.answer(request, receive, send)
            else:
                await self._answer(request, send)
        except ApiError as error:
            self._counters.refused += 1
            await send_error(send, request, error)

    async def _answer(self, request: Request, send: Send) -> None:
        path = request.path
        if not path.startswith((_FILES, _DOWNLOAD)):
            raise no_such_method()
        for gate in self._gates:
            gate(request)
        if request.method not in ("GET", "HEAD"):
            raise login_required()
        alt = request.params.get("alt", "json")
        one = path.removeprefix(_DOWNLOAD).removeprefix(_ONE)
        if alt == "media" and one and "/" not in one:
            await self._media(request, one, send)
        elif alt != "json" or path.startswith(_DOWNLOAD):
            raise invalid_parameter("alt", f"Invalid value '{alt[:40]}'")
        elif path == _FILES:
            await self._list(request, send)
        elif one and "/" not in one:
            await self._get(request, one, send)
        else:
            raise no_such_method()

    async def _list(self, request: Request, send: Send) -> None:
        self._counters.list += 1
        asked = read_list(request.params, _caller(request))
        if self._listing.cost(asked) <= _INLINE_UP_TO:
            page = self._listing.page(asked)
        else:
            page = await self.beside.run(lambda: self._listing.page(asked))
        if is_cold(page):
            answer = await self.beside.run(lambda: render_list(page, asked.mask))
        else:
            answer = render_list(page, asked.mask)
        await send_json(send, request, answer)

    async def _get(self, request: Request, file_id: str, send: Send) -> None:
        self._counters.get += 1
        try:
            mask = narrow(parse_mask(request.params.get("fields") or DEFAULT_FILE), FILE)
        except BadMask as why:
            raise bad_fields(str(why)) from None
        file = self._visible(request, file_id)
        if file.entry.stock is not None:
            await self._render(file.entry.stock)
        await send_json(send, request, projection(mask)(file))

    async def _media(self, request: Request, file_id: str, send: Send) -> None:
        self._counters.media += 1
        file = self._visible(request, file_id)
        stock = file.entry.stock
        if stock is None:
            raise not_downloadable()
        await self._render(stock)
        size = stock.size
        span = read_range(request.header(b"range"), size)
        status, headers = 200, [(b"content-type", file.entry.mime_type.encode()), *_MEDIA_HEADERS]
        if span is not None:
            status = 206
            about = b"bytes %d-%d/%d" % (span.start, span.stop - 1, size)
            headers.append((b"content-range", about))
        whole = span or Span(0, size)
        headers.append((b"content-length", b"%d" % (whole.stop - whole.start)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        parts = body(file, stock) if span is None else cut(body(file, stock), span)
        await send_parts(send, parts)
        self._counters.bytes += whole.stop - whole.start

    def _visible(self, request: Request, file_id: str) -> File:
        """What the caller may see; trashed files are still there."""
        file = self._forest.find(file_id)
        all_drives = request.params.get("supportsAllDrives", "").lower() == "true"
        caller = _caller(request)
        if file is None or not self._forest.visible(file, caller, all_drives=all_drives):
            raise not_found(file_id)
        return file

    async def _render(self, stock: Stock) -> None:
        """Takes tens of milliseconds, once."""
        if not stock.ready:
            await self.beside.run(lambda: stock.contents)


def _caller(request: Request) -> Caller:
    return Caller(key=key_of(request))

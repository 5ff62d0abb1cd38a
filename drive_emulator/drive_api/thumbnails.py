"""Thumbnails: their links in a file's JSON, and the small JPEGs that they lead to.

As with Google, a link needs no credentials, costs no quota and ends after some hours.
"""

import struct

from drive_emulator.drive_api.backend import Backend
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import api_error, not_found
from drive_emulator.tree.tree import File

PATH = "/drive-storage/{fileId}/{token}"
LIFE_S = 4 * 3_600
_SIZE = "=s220"
_MADE_AT = struct.Struct(">Q")  # milliseconds
_PURPOSE = b"thumbnail"


def routes(backend: Backend) -> list[Route]:
    return [Route("GET", PATH, "thumbnail", Thumbnails(backend).image, public=True)]


class Thumbnails:
    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._cipher = backend.store.cipher
        self._now = backend.clock.now
        self._worker = backend.worker

    def link(self, file: File, origin: str) -> str | None:
        """A URL below `origin`, the server as this client reaches it; None without a thumbnail."""
        if file.entry.blob is None or file.entry.blob.painting is None:
            return None
        made_at = _MADE_AT.pack(round(self._now() * 1000))
        token = self._cipher.encrypt(made_at, _PURPOSE + file.id.encode())
        return origin + PATH.format(fileId=file.id, token=token + _SIZE)

    async def image(self, context: RequestContext) -> None:
        file_id, link = context.names
        token, size = link[: -len(_SIZE)], link[-len(_SIZE) :]
        made_at = self._cipher.decrypt(token, _PURPOSE + file_id.encode(errors="surrogateescape"))
        if size != _SIZE or made_at is None:
            raise api_error(404, "notFound", "Not Found")
        if self._now() - _MADE_AT.unpack(made_at)[0] / 1000 > LIFE_S:
            raise api_error(403, "forbidden", "Forbidden")
        file = self._store.find(file_id)
        blob = file.entry.blob if file else None
        if blob is None:
            raise not_found(file_id)
        body = await self._worker.run(lambda: blob.thumbnail)
        await context.send_bytes(200, [(b"content-type", b"image/jpeg")], body)

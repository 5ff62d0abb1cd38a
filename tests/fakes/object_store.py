"""An object store in memory. It passes the contract suite that the real one passes."""

import hashlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from services.core.errors import SetAside, TryAgain, Verdict
from services.core.ports import StoredObject

CHUNK = 16 * 1024


@dataclass(frozen=True)
class Kept:
    """One object."""

    body: bytes
    content_type: str
    stored_by: str = field(default="", compare=False)


class FakeStore:
    """`KeepsObjects`. Each call first raises the next of `troubles`, if any; `refusal` always."""

    def __init__(self, bucket: str = "pictures") -> None:
        self.bucket = bucket
        self.objects: dict[str, Kept] = {}
        self.troubles: deque[Verdict] = deque()
        self.refusal: Verdict | None = None
        self.puts: list[str] = []
        self.looks: list[str] = []
        self.opened: list[str] = []
        self.sent_bytes = 0

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        content_type: str,
        stored_by: str = "",
        sha256: str = "",
        md5: str = "",
    ) -> None:
        """Keep a copy."""
        self._meet_trouble()
        _check(key)
        if sha256 and sha256 != hashlib.sha256(body).hexdigest():
            raise TryAgain("store_unavailable", "The bytes are not those that were announced.")
        self.puts.append(key)
        self.objects[key] = Kept(bytes(body), content_type, stored_by)

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        """Keep the body once all of it has come."""
        self._meet_trouble()
        _check(key)
        self.puts.append(key)
        parts = [part async for part in body]
        self.objects[key] = Kept(b"".join(parts), content_type, stored_by)

    async def find(self, key: str) -> StoredObject | None:
        """The object, if there is one."""
        self._meet_trouble()
        self.looks.append(key)
        kept = self.objects.get(key)
        if kept is None:
            return None
        return StoredObject(len(kept.body), kept.stored_by, kept.content_type.lower())

    async def open(self, key: str) -> AsyncGenerator[bytes, None]:
        """The object's bytes in chunks."""
        self._meet_trouble()
        self.opened.append(key)
        if key not in self.objects:
            raise SetAside("object_missing", "The store has no object for this file.")
        body = self.objects[key].body
        for start in range(0, len(body), CHUNK):
            chunk = body[start : start + CHUNK]
            self.sent_bytes += len(chunk)
            yield chunk

    async def ready(self) -> None:
        """Raise `refusal`, if it is set."""
        if self.refusal is not None:
            raise self.refusal

    def _meet_trouble(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        if self.troubles:
            raise self.troubles.popleft()


def _check(key: str) -> None:
    parts = key.split("/")
    if len(key.encode()) > 1024 or any(len(part.encode()) > 255 for part in parts):
        raise SetAside("object_key_refused", "The object's name was refused.")
    if {"", ".", ".."}.intersection(parts):
        raise SetAside("object_key_refused", "The object's name was refused.")

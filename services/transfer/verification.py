"""Whether bytes are those of the file that Drive listed, or of a newer version of it. Pure.

Bytes that differ from the listing have three possible causes: they were damaged on the way, the
file has a newer version, or the file is gone.
"""

import hashlib
from functools import cached_property

from msgspec.structs import replace

from services.core.errors import CONTENT_MISMATCH, TRASHED, Corrupt, SetAside
from services.core.events import FileFound
from services.core.ports import Entry
from services.transfer.content import HEAD_BYTES, beginning, type_of

CHECKSUMS = ("md5", "sha1", "sha256")
OF_THE_BYTES = ("size", *CHECKSUMS, "modified_time", "width", "height")
"""Fields that a newer version replaces even where Drive leaves them out."""
OF_THE_FILE = ("name", "mime_type", "resource_key", "version")
"""Fields that keep the listed value where Drive leaves them out. With a lower version, the new
outcome would lose against older ones."""


class Checksums:
    """Counts and hashes the bytes of one file as they pass.

    Where Drive gave the SHA-256 of a file, bytes that have it are the file, so that Drive's MD5 is
    theirs, too. It is not computed again, since it costs twice as much (decisions/0043).
    Hashing needs no thread of its own: a chunk is what came at once, which is less than 1 MiB.
    """

    def __init__(self, file: FileFound) -> None:
        self.size = 0
        self.head = b""
        self._file = file
        self._hashes = {"sha256": hashlib.sha256(usedforsecurity=False)}
        if not (file.sha256 and file.md5):
            self._hashes["md5"] = hashlib.md5(usedforsecurity=False)
        if file.sha1 and not file.md5 and not file.sha256:
            self._hashes["sha1"] = hashlib.sha1(usedforsecurity=False)

    def add(self, chunk: bytes) -> None:
        """Raises `Corrupt` as soon as there are more bytes than Drive announced."""
        self.size += len(chunk)
        if len(self.head) < HEAD_BYTES:
            self.head = beginning(self.head, chunk)
        if self._file.size is not None and self.size > self._file.size:
            raise _mismatch(f"more than {self._file.size:,} bytes arrived")
        for checksum in self._hashes.values():
            checksum.update(chunk)

    @property
    def md5(self) -> str | None:
        """Of the bytes, once they are verified."""
        computed = self._hashes.get("md5")
        return computed.hexdigest() if computed else self._file.md5

    @property
    def sha256(self) -> str:
        return self._hashes["sha256"].hexdigest()

    @cached_property
    def content_type(self) -> str:
        """As which the bytes are served, by the head that is there when this is first asked: the
        store is told once."""
        return type_of(self._file.mime_type, self.head)

    def verify(self) -> None:
        """Raises `Corrupt` unless the bytes so far are the whole file."""
        if self._file.size not in {None, self.size}:
            raise _mismatch(f"{self.size:,} of {self._file.size:,} bytes arrived")
        for name, computed in self._hashes.items():
            listed = getattr(self._file, name)
            if listed is not None and listed != computed.hexdigest():
                raise _mismatch("the checksum differs")


def _mismatch(what: str) -> Corrupt:
    return Corrupt(
        CONTENT_MISMATCH,
        f"The download does not match the file that Google Drive listed: {what}. If someone is "
        "changing the file, import the folder again later.",
    )


def newer_version(file: FileFound, now: Entry) -> FileFound | None:
    """The file as it is now; None if there is no newer version.

    An answer that is older than the listing, or lacks a checksum that the listing had, is ignored:
    otherwise damaged bytes could pass for a newer version. Raises `SetAside` for a file that can no
    longer be imported.
    """
    if now.trashed:
        raise SetAside(TRASHED, "The owner moved this file to the trash after it was listed.")
    if _same(file, now) or 0 < now.version < file.version:
        return None
    if _has_checksum(file) and not _has_checksum(now):
        return None
    if now.mime_type and not now.mime_type.startswith("image/"):
        raise SetAside("not_an_image", "This file was replaced with one that is not an image.")
    if not now.can_download:
        raise SetAside("not_permitted", "The owner no longer allows downloads of this file.")
    bytes_now = {name: getattr(now, name) for name in OF_THE_BYTES}
    file_now = {name: getattr(now, name) or getattr(file, name) for name in OF_THE_FILE}
    return replace(file, **bytes_now, **file_now)


def _same(file: FileFound, now: Entry) -> bool:
    """Whether the two agree in every field that both of them have."""
    pairs = [(getattr(file, name), getattr(now, name)) for name in ("size", *CHECKSUMS)]
    pairs.append((file.version or None, now.version or None))
    return all(listed == current or None in (listed, current) for listed, current in pairs)


def _has_checksum(file: FileFound | Entry) -> bool:
    return any(getattr(file, name) for name in CHECKSUMS)

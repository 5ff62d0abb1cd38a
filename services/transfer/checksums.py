"""A file's size and checksums as downloaded, against what Drive said of the file."""

import hashlib

from services.core.errors import CONTENT_MISMATCH, Corrupt
from services.core.events import FileFound


class Checksums:
    """Counts and hashes the bytes of one file as they pass.

    Hashing needs no thread of its own: a chunk is about 16 KiB, and hashlib releases the GIL.
    """

    def __init__(self, file: FileFound) -> None:
        self.size = 0
        self._file = file
        names = ["md5", "sha256"]
        if file.sha1 and not file.md5 and not file.sha256:
            names.append("sha1")
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def add(self, chunk: bytes) -> None:
        """Raises `Corrupt` as soon as there are more bytes than Drive announced."""
        self.size += len(chunk)
        if self._file.size is not None and self.size > self._file.size:
            raise _mismatch(f"more than the announced {self._file.size} bytes came")
        for checksum in self._hashes.values():
            checksum.update(chunk)

    def hexdigest(self, name: str) -> str:
        return self._hashes[name].hexdigest()

    def verify(self) -> None:
        """Raises `Corrupt` unless the bytes so far are the whole file."""
        if self._file.size not in {None, self.size}:
            raise _mismatch(f"{self.size} of {self._file.size} bytes came")
        for name in self._hashes:
            if getattr(self._file, name) not in {None, self.hexdigest(name)}:
                raise _mismatch("the checksum differs")


def _mismatch(what: str) -> Corrupt:
    return Corrupt(
        CONTENT_MISMATCH,
        f"Google Drive did not send the file that it listed: {what}. If somebody is changing the "
        "file, import the folder again afterwards.",
    )

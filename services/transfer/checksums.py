"""What proves that the bytes are the file: its size and checksums, against what Drive said."""

import hashlib
from dataclasses import dataclass

from services.core.errors import Corrupt
from services.core.events import FileFound
from services.core.reasons import CONTENT_MISMATCH


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Size in bytes and checksums in hex of bytes that are the file."""

    size: int
    md5: str
    sha256: str


class Checksums:
    """Counts and hashes the bytes of one file as they pass.

    Hashing happens in place: a chunk has some 16 KiB, and hashlib lets other threads run meanwhile.
    """

    def __init__(self, file: FileFound) -> None:
        self._file = file
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        only_sha1 = file.sha1 is not None and file.md5 is None and file.sha256 is None
        self._sha1 = hashlib.sha1(usedforsecurity=False) if only_sha1 else None

    def add(self, chunk: bytes) -> None:
        """Raises `Corrupt` as soon as more bytes came than Drive announced."""
        self._size += len(chunk)
        if self._file.size is not None and self._size > self._file.size:
            raise _mismatch(f"more than the announced {self._file.size} bytes came")
        self._md5.update(chunk)
        self._sha256.update(chunk)
        if self._sha1 is not None:
            self._sha1.update(chunk)

    def verified(self) -> Checked:
        """What has passed, if it is the file; else raises `Corrupt`."""
        file, md5, sha256 = self._file, self._md5.hexdigest(), self._sha256.hexdigest()
        if file.size not in {None, self._size}:
            raise _mismatch(f"{self._size} of {file.size} bytes came")
        if file.md5 not in {None, md5} or file.sha256 not in {None, sha256}:
            raise _mismatch("the checksum differs")
        if self._sha1 is not None and file.sha1 != self._sha1.hexdigest():
            raise _mismatch("the checksum differs")
        return Checked(size=self._size, md5=md5, sha256=sha256)


def _mismatch(what: str) -> Corrupt:
    return Corrupt(
        CONTENT_MISMATCH,
        f"Google Drive sent something else than the file that it listed: {what}. If somebody is "
        "changing the file, import the folder again afterwards.",
    )

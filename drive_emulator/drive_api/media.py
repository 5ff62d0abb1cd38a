"""The bytes of a file: who may have them, which range is wanted, and signed addresses."""

import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import Blob
from drive_emulator.content.containers import Part
from drive_emulator.http.errors import api_error, named_error, range_not_satisfiable
from drive_emulator.tree.token_cipher import TokenCipher
from drive_emulator.tree.tree import File

SIGNED_PATH = "/mediahost/{fileId}"
SIGNED_LIFE_S = 3_600
_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)
_MAX_DIGITS = 19  # of a position in a Range header
_SIGNED_AT = struct.Struct(">Q")  # milliseconds
_PURPOSE = b"mediahost"


def downloadable(file: File, caller: Caller, params: Mapping[str, str]) -> Blob:
    """The blob of a file that the caller may download; raises `ApiError` 403 otherwise.

    Only the owner can download what others may not, and abusive files if he acknowledges that.
    """
    blob, extras = file.entry.blob, file.entry.extras
    if blob is None:
        raise named_error("fileNotDownloadable")
    if extras.can_download and not extras.abusive:
        return blob
    owns = bool(caller.account) and caller.account == file.tree.owner
    if not extras.can_download and not owns:
        raise named_error("cannotDownloadFile")
    acknowledged = params.get("acknowledgeAbuse", "").lower() == "true"
    if extras.abusive and not (owns and acknowledged):
        raise named_error("cannotDownloadAbusiveFile")
    return blob


def hash_header(file: File) -> tuple[bytes, bytes] | None:
    """`X-Goog-Hash: md5=…`, unless the file is one for which Drive has no checksum."""
    md5 = file.checksum("md5")
    if md5 is None or "md5Checksum" in file.entry.extras.omit:
        return None
    digest = binascii.b2a_base64(bytes.fromhex(md5), newline=False)
    return b"x-goog-hash", b"md5=" + digest


def signed_address(cipher: TokenCipher, file_id: str, now: float) -> str:
    """A path that serves the file's bytes to anybody, for an hour."""
    payload = _SIGNED_AT.pack(round(now * 1000))
    token = cipher.encrypt(payload, _PURPOSE + file_id.encode())
    return f"{SIGNED_PATH.format(fileId=file_id)}?qk={token}"


def check_signature(cipher: TokenCipher, file_id: str, token: str, now: float) -> None:
    """Raise `ApiError` 403 unless the token was signed for this file within the last hour."""
    payload = cipher.decrypt(token, _PURPOSE + file_id.encode(errors="surrogateescape"))
    if payload is None or now - _SIGNED_AT.unpack(payload)[0] / 1000 > SIGNED_LIFE_S:
        raise api_error(403, "forbidden", "Forbidden")


class ByteRange(NamedTuple):
    """From the first byte to the one after the last."""

    start: int
    stop: int


def read_range(header: str, size: int) -> ByteRange | None:
    """The range of a Range header; None to send the whole file (RFC 9110, 14.2).

    The whole file is sent without a header, and for other units, several ranges (which Drive does
    not serve) and malformed ones. Raises `ApiError` 416 for a range that begins after the end.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or len(found[1]) > _MAX_DIGITS or len(found[2]) > _MAX_DIGITS:
        return None
    first, last = found[1], found[2]
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        if length == 0:
            raise range_not_satisfiable(size)
        return ByteRange(size - length, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise range_not_satisfiable(size)
    return ByteRange(int(first), min(int(last) + 1, size) if last else size)


def file_parts(file: File, blob: Blob) -> Iterator[Part]:
    """All parts of a file, in order: what it shares with other files, then its own suffix."""
    yield from blob.rendered.parts
    yield blob.container.suffix(file.tag)


def slice_parts(parts: Iterator[Part], wanted: ByteRange) -> Iterator[Part]:
    """Only the bytes of the parts that lie in the range."""
    position = 0
    for part in parts:
        first = max(wanted.start - position, 0)
        last = min(wanted.stop - position, len(part))
        if first < last:
            yield memoryview(part)[first:last]
        position += len(part)
        if position >= wanted.stop:
            return

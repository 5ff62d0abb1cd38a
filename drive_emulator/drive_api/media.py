"""The bytes of a file, whole or a range of them, without copying them."""

import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import Blob
from drive_emulator.content.containers import Part
from drive_emulator.http.errors import ApiError, classic, not_downloadable, range_not_satisfiable
from drive_emulator.tree.token_cipher import TokenCipher
from drive_emulator.tree.tree import File

MEDIA_HOST = "/mediahost/{fileId}"
SIGNED_FOR_S = 3_600
_STAMP = struct.Struct(">Q")  # when it was signed, in milliseconds
_BOUND = b"mediahost"


def downloadable(file: File, caller: Caller, params: Mapping[str, str]) -> Blob:
    """What the bytes are made of; raises `ApiError` 403 for whoever Drive does not give them to.

    Only the owner may have what others cannot download, and what is abusive if he says so.
    """
    blob, extras = file.entry.blob, file.entry.extras
    if blob is None:
        raise not_downloadable()
    if extras.can_download and not extras.abusive:
        return blob
    owns = bool(caller.account) and caller.account == file.tree.owner
    if not extras.can_download and not owns:
        raise _refused("cannotDownloadFile", "This file cannot be downloaded by the user.")
    acknowledged = params.get("acknowledgeAbuse", "").lower() == "true"
    if extras.abusive and not (owns and acknowledged):
        raise _refused(
            "cannotDownloadAbusiveFile",
            "This file has been identified as malware or spam and cannot be downloaded.",
        )
    return blob


def _refused(reason: str, message: str) -> ApiError:
    return ApiError(403, classic(403, reason, message))


def hash_header(file: File) -> tuple[bytes, bytes] | None:
    """`X-Goog-Hash: md5=…`, unless Drive has no such checksum of the file."""
    md5 = file.checksum("md5")
    if md5 is None or "md5Checksum" in file.entry.extras.omit:
        return None
    digest = binascii.b2a_base64(bytes.fromhex(md5), newline=False)
    return b"x-goog-hash", b"md5=" + digest


def signed_address(cipher: TokenCipher, file_id: str, now: float) -> str:
    """A path that serves the file's bytes to whoever has it, for an hour."""
    stamp = cipher.close(_STAMP.pack(round(now * 1000)), _BOUND + file_id.encode())
    return f"{MEDIA_HOST.format(fileId=file_id)}?qk={stamp}"


def check_signed(cipher: TokenCipher, file_id: str, qk: str, now: float) -> None:
    """Raises `ApiError` 403 unless the address was signed for this file, and not too long ago."""
    payload = cipher.open(qk, _BOUND + file_id.encode(errors="surrogateescape"))
    if payload is None or now - _STAMP.unpack(payload)[0] / 1000 > SIGNED_FOR_S:
        raise ApiError(403, classic(403, "forbidden", "Forbidden"))


_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)
_DIGITS = 19  # more would not be a size


class ByteRange(NamedTuple):
    """From the first byte to the one after the last."""

    start: int
    stop: int


def read_range(header: str, size: int) -> ByteRange | None:
    """The span of a Range header; None to answer with the whole (RFC 9110, 14.2).

    That is so without a header, for other units, for several ranges (which Drive does not serve),
    and for what is no range at all. Raises `ApiError` 416 for one that begins after the end.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or len(found[1]) > _DIGITS or len(found[2]) > _DIGITS:
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


def body(file: File, blob: Blob) -> Iterator[Part]:
    """All parts of a file, in order: what it shares with others, then what is its own."""
    yield from blob.contents.parts
    yield blob.container.suffix(file.tag)


def cut(parts: Iterator[Part], span: ByteRange) -> Iterator[Part]:
    """The part of each part that lies in the span."""
    place = 0
    for part in parts:
        first, last = max(span.start - place, 0), min(span.stop - place, len(part))
        if first < last:
            yield memoryview(part)[first:last]
        place += len(part)
        if place >= span.stop:
            return

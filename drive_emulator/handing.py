"""Who is given the bytes of a file, and where: at once, or at an address signed for it."""

import binascii
import struct
from collections.abc import Mapping

from drive_emulator.caller import Caller
from drive_emulator.errors import ApiError, classic, not_downloadable
from drive_emulator.seal import Seal
from drive_emulator.stock import Stock
from drive_emulator.tree import File

MEDIA_HOST = "/mediahost/{fileId}"
SIGNED_FOR_S = 3_600
_STAMP = struct.Struct(">Q")  # when it was signed, in milliseconds
_BOUND = b"mediahost"


def downloadable(file: File, caller: Caller, params: Mapping[str, str]) -> Stock:
    """What the bytes are made of; raises `ApiError` 403 for whoever Drive does not give them to.

    Only the owner may have what others cannot download, and what is abusive if he says so.
    """
    stock, rare = file.entry.stock, file.entry.rare
    if stock is None:
        raise not_downloadable()
    if rare.can_download and not rare.abusive:
        return stock
    owns = bool(caller.account) and caller.account == file.tree.owner
    if not rare.can_download and not owns:
        raise _refused("cannotDownloadFile", "This file cannot be downloaded by the user.")
    acknowledged = params.get("acknowledgeAbuse", "").lower() == "true"
    if rare.abusive and not (owns and acknowledged):
        raise _refused(
            "cannotDownloadAbusiveFile",
            "This file has been identified as malware or spam and cannot be downloaded.",
        )
    return stock


def _refused(reason: str, message: str) -> ApiError:
    return ApiError(403, classic(403, reason, message))


def hash_header(file: File) -> tuple[bytes, bytes] | None:
    """`X-Goog-Hash: md5=…`, unless Drive has no such checksum of the file."""
    md5 = file.checksum("md5")
    if md5 is None or "md5Checksum" in file.entry.rare.omit:
        return None
    digest = binascii.b2a_base64(bytes.fromhex(md5), newline=False)
    return b"x-goog-hash", b"md5=" + digest


def signed_address(seal: Seal, file_id: str, now: float) -> str:
    """A path that serves the file's bytes to whoever has it, for an hour."""
    stamp = seal.close(_STAMP.pack(round(now * 1000)), _BOUND + file_id.encode())
    return f"{MEDIA_HOST.format(fileId=file_id)}?qk={stamp}"


def check_signed(seal: Seal, file_id: str, qk: str, now: float) -> None:
    """Raises `ApiError` 403 unless the address was signed for this file, and not too long ago."""
    payload = seal.open(qk, _BOUND + file_id.encode(errors="surrogateescape"))
    if payload is None or now - _STAMP.unpack(payload)[0] / 1000 > SIGNED_FOR_S:
        raise ApiError(403, classic(403, "forbidden", "Forbidden"))

"""How a file of each format can be padded, and can end in unique bytes, and still be valid.

A file is a prefix that many files share, and a suffix of fixed length that holds a tag of
`TAG_LENGTH` ASCII characters. The padding belongs to the prefix. It is cut from one filler per
format, so a file of any size needs a few megabytes of memory at most.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

TAG_LENGTH = 24
MIN_PADDING = 16  # bytes; from here on every count is possible, in WebP every even one

Part = bytes | memoryview

_FILLER = 4 * 1024 * 1024
_JPEG_SEGMENT = 65_537  # marker, length and the 65,533 bytes that a segment can hold
_GIF_BLOCK = 256
_JPEG_COMMENT = b"\xff\xfe\xff\xff" + bytes(_JPEG_SEGMENT - 4)
_GIF_COMMENT = b"\xff" + bytes(_GIF_BLOCK - 1)


@dataclass(frozen=True)
class Container:
    """A file format. `prefix(encoded, padding)` gives all parts before the suffix."""

    mime_type: str
    extension: str
    prefix: Callable[[bytes, int], list[Part]]
    suffix: Callable[[bytes], bytes]
    even_only: bool = False  # the format has no odd lengths

    @property
    def suffix_length(self) -> int:
        """The same for every tag, so a file's size does not depend on it."""
        return len(self.suffix(b"0" * TAG_LENGTH))


@cache
def _filler(unit: bytes) -> memoryview:
    return memoryview(unit * (_FILLER // len(unit)))


def _repeat(filler: memoryview, count: int) -> list[Part]:
    whole, rest = divmod(count, len(filler))
    parts: list[Part] = [filler] * whole
    return [*parts, filler[:rest]] if rest else parts


def _jpeg_prefix(encoded: bytes, padding: int) -> list[Part]:
    """Comment segments between the last scan and the end marker (ITU T.81, B.2.4)."""
    whole, rest = divmod(padding, _JPEG_SEGMENT)
    if 0 < rest < 4:  # too short for a segment: split a full one
        whole, rest = whole - 1, rest + _JPEG_SEGMENT
    parts: list[Part] = [encoded[:-2], *_repeat(_filler(_JPEG_COMMENT), whole * _JPEG_SEGMENT)]
    while rest:
        length = rest if rest <= _JPEG_SEGMENT else 1_000
        parts.append(b"\xff\xfe" + struct.pack(">H", length - 2) + bytes(length - 4))
        rest -= length
    return parts


def _jpeg_suffix(tag: bytes) -> bytes:
    return b"\xff\xfe" + struct.pack(">H", 2 + len(tag)) + tag + b"\xff\xd9"


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _png_prefix(encoded: bytes, padding: int) -> list[Part]:
    """One private ancillary chunk before IEND, which is always the last 12 bytes."""
    parts: list[Part] = [encoded[:-12]]
    if padding:
        filler = _repeat(_filler(b"\0"), padding - 12)
        checksum = zlib.crc32(b"paDd")
        for part in filler:
            checksum = zlib.crc32(part, checksum)
        head = struct.pack(">I", padding - 12) + b"paDd"
        parts += [head, *filler, struct.pack(">I", checksum)]
    return parts


def _png_suffix(tag: bytes) -> bytes:
    return _png_chunk(b"tEXt", b"Comment\0" + tag) + _png_chunk(b"IEND", b"")


def _gif_prefix(encoded: bytes, padding: int) -> list[Part]:
    """One comment extension before the trailer, in blocks of at most 255 bytes."""
    parts: list[Part] = [encoded[:-1]]
    if padding:
        whole, rest = divmod(padding - 3, _GIF_BLOCK)
        parts.append(b"\x21\xfe")
        if rest == 1:  # too short for a block: split a full one
            whole -= 1
            parts.append(b"\x7f" + bytes(127) + b"\x80" + bytes(128))
        elif rest:
            parts.append(bytes((rest - 1,)) + bytes(rest - 1))
        parts += [*_repeat(_filler(_GIF_COMMENT), whole * _GIF_BLOCK), b"\0"]
    return parts


def _gif_suffix(tag: bytes) -> bytes:
    return b"\x21\xfe" + bytes((len(tag),)) + tag + b"\0\x3b"


def _webp_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content


def _webp_prefix(encoded: bytes, padding: int) -> list[Part]:
    """The extended format (VP8X), as only that allows more chunks; the outer size covers all."""
    body = encoded[12:]
    if body[:4] == b"VP8 ":  # 14 bits each, after the frame tag and the start code
        wide, high = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 14))
        canvas = struct.pack("<I", wide - 1)[:3] + struct.pack("<I", high - 1)[:3]
        body = _webp_chunk(b"VP8X", bytes(4) + canvas) + body
    filler: list[Part] = []
    if padding:
        filler = [b"PADD" + struct.pack("<I", padding - 8), *_repeat(_filler(b"\0"), padding - 8)]
    size = 4 + len(body) + padding + len(_webp_suffix(b"0" * TAG_LENGTH))
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP" + body, *filler]


def _webp_suffix(tag: bytes) -> bytes:
    return _webp_chunk(b"NOTE", tag)


JPEG = Container("image/jpeg", "jpg", _jpeg_prefix, _jpeg_suffix)
PNG = Container("image/png", "png", _png_prefix, _png_suffix)
GIF = Container("image/gif", "gif", _gif_prefix, _gif_suffix)
WEBP = Container("image/webp", "webp", _webp_prefix, _webp_suffix, even_only=True)

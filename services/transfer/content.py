"""Whether a file's bytes can be a picture, and of which type. Pure.

A name and a type are only claims: a page that was saved as `.jpg` has both of a picture. What
begins like something else is refused. What begins like nothing that is known here may be a picture
of a rare format. The signatures are those of the MIME Sniffing standard, and a few more.
"""

import re

from services.core.errors import SetAside
from services.core.events import FileFound

OTHER_CONTENT = "content_not_an_image"
HEAD_BYTES = 1445
"""How much of a file the standard looks at."""
_SIGNATURES = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"Rar!\x1a\x07", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"\x1f\x8b\x08", "an archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"OggS\x00", "a video or audio file"),
    (b"ID3", "an audio file"),
    (b"fLaC", "an audio file"),
    (b"FLV\x01", "a video"),
    (b"\x00\x00\x01\xba", "a video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video or audio file"),
    (b"\xfd7zXZ\x00", "an archive"),
    (b"{\\rtf", "a text document"),
    (b"\x7fELF", "a program"),
)
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
"""What begins so is no text, whatever follows."""
_RIFF = {b"AVI ": "a video", b"WAVE": "an audio file"}  # WebP pictures are RIFF files, too
# HEIC, AVIF and Canon's raw pictures begin with a box of the same kind as videos do.
_VIDEO = re.compile(rb".{4}ftyp(?:iso|mp4|avc1|qt  |M4|3g|dash|MSNV|f4v)", re.DOTALL)
_PROLOG = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_PAGE = re.compile(
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta"
    rb"|link|noscript|center|span|form|pre)[\s/>]",
    re.IGNORECASE,
)
_MARKUP = re.compile(rb'[\[{]\s*[\[{"}\]\w-]|<[?!/a-z]', re.IGNORECASE)
"""JSON or XML."""
_BOMS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
_BLANK = b" \t\n\r\x0b\x0c" + _BOMS[0]
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_NEVER_TEXT = re.compile(
    r"image/(?:p?jpe?g|a?png|gif|webp|bmp|x-ms-bmp|tiff?|hei[cf]|avif|jxl|jp2|x-icon)"
)
"""Of other types, pictures may be text or begin like one: SVG, XPM, EPS, FITS."""
_ARCHIVED_PICTURES = ("image/svg", "image/openraster")
SVG = "image/svg+xml"
_TYPES = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", re.compile(r"image/p?jpe?g|image/mpo")),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", re.compile(r"image/(?:a|x-)?png")),
    (re.compile(rb"GIF8[79]a"), "image/gif", re.compile(r"image/gif")),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp", re.compile(r"image/webp")),
    (
        re.compile(rb".{4}ftyp(?:avif|avis)", re.DOTALL),
        "image/avif",
        re.compile(r"image/(?:avif|hei[cf]).*"),
    ),
    (
        re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL),
        "image/heic",
        re.compile(r"image/(?:avif|hei[cf]).*"),
    ),
    # Raw pictures of most cameras are TIFF files, too.
    (
        re.compile(rb"II\*\x00|MM\x00\*"),
        "image/tiff",
        re.compile(r"image/(?!(?:p?jpe?g|a?png|gif|webp|bmp|hei[cf]|avif|svg\+xml)$).*"),
    ),
)
"""How a format begins, its type, and the types that files of this format may have."""


def beginning(head: bytes, chunk: bytes) -> bytes:
    """The head of a file that began with `head` and goes on with `chunk`. White space that fills a
    head tells nothing, and a page may stand behind any length of it: then what follows it counts.
    """
    more = bytes(chunk[: HEAD_BYTES - len(head)])
    if not head and not more.lstrip(_BLANK):
        return bytes(chunk).lstrip(_BLANK)[:HEAD_BYTES]
    return head + more


def type_of(claimed: str, head: bytes) -> str:
    """The type that a file which begins so is served as: what its bytes are, whatever Drive claims.
    Where they tell nothing, or nothing else, it is what Drive claims."""
    claimed = claimed.lower()
    for begins, mime_type, may_be in _TYPES:
        if begins.match(head):
            return claimed if may_be.fullmatch(claimed) else mime_type
    if _NEVER_TEXT.fullmatch(claimed) and b"<svg" in head.lower() and not _BINARY.search(head):
        return SVG
    return claimed


def refuse_other_content(file: FileFound, head: bytes) -> None:
    """Raise `SetAside` if a file that begins so is known to be something else than a picture."""
    what = _what_else(head, file.mime_type)
    if what is not None:
        raise SetAside(
            OTHER_CONTENT,
            f"This file is not an image: it contains {what}, although Google Drive lists it as "
            f"{file.mime_type[:100]}.",
        )


def _what_else(head: bytes, mime_type: str) -> str | None:
    if head.startswith(_PICTURES):
        return None
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return None if mime_type.startswith(_ARCHIVED_PICTURES) else what
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if _VIDEO.match(head):
        return "a video"
    return _text(head, mime_type)


def _text(head: bytes, mime_type: str) -> str | None:
    text = head.removeprefix(_BOMS[0]).lstrip()
    if _PAGE.match(_PROLOG.sub(b"", text, count=1)):
        return "an HTML page"  # there may be drawings in it, and so a `<svg`
    if not text or b"<svg" in text.lower():
        return None
    if not _NEVER_TEXT.fullmatch(mime_type):
        return None
    # A few letters without a line break say too little.
    is_text = _MARKUP.match(text) or (b"\n" in text and not _BINARY.search(text))
    return "text" if is_text or head.startswith(_BOMS) else None

"""Files that are not images: small and valid, with the same kind of tag at their end."""

import io
import struct
import zipfile
from dataclasses import dataclass

from drive_emulator.content.containers import TAG_LENGTH, Container, Part


@dataclass(frozen=True)
class Document:
    """A container, and the content that all documents of its kind share."""

    container: Container
    content: bytes


def _as_is(encoded: bytes, _padding: int) -> list[Part]:
    return [encoded]


def _text() -> bytes:
    lines = (
        "Notes",
        "",
        "Bring water, a warm jacket and the good camera.",
        "The hut opens at seven; the first light on the ridge is half an hour before that.",
        "Sort the pictures on the way home, not later.",
    )
    return "\n".join(lines).encode()


def _csv() -> bytes:
    rows = ["day,place,pictures,rating"]
    places = ("ridge", "lake", "harbour", "old town", "lighthouse", "valley")
    rows += [f"{day},{places[day % 6]},{12 + day * 7 % 31},{1 + day % 5}" for day in range(1, 61)]
    return "\r\n".join(rows).encode()


def _pdf() -> bytes:
    """One page with one line of text. Readers require a correct table of offsets."""
    line = b"BT /F1 24 Tf 72 720 Td (A list of places, and when the light is good) Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(line), line),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


def _zip() -> bytes:
    """An archive that announces a trailing comment, which the suffix then provides."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("readme.txt", _text()), ("places.csv", _csv())):
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), content)
    return memory.getvalue()[:-2] + struct.pack("<H", TAG_LENGTH)


def _mp4() -> bytes:
    """A file type box and 300 KB of media data without tracks: nothing to play."""
    kind = b"isom\0\0\2\0isomiso2mp41"
    content = bytes(range(256)) * 1_200
    head = struct.pack(">I", 8 + len(kind)) + b"ftyp" + kind
    return head + struct.pack(">I", 8 + len(content)) + b"mdat" + content


def _kind(mime_type: str, extension: str, before: bytes, after: bytes) -> Container:
    return Container(mime_type, extension, _as_is, lambda tag: before + tag + after)


TEXT = Document(_kind("text/plain", "txt", b"\n\n", b"\n"), _text())
CSV = Document(_kind("text/csv", "csv", b"\r\n0,", b",0,0\r\n"), _csv())
HTML = Document(
    _kind("text/html", "html", b"<!-- ", b" -->\n"),
    b"<!DOCTYPE html>\n<title>Notes</title>\n<p>Bring water and a warm jacket.</p>\n",
)
PDF = Document(_kind("application/pdf", "pdf", b"% ", b"\n"), _pdf())
ZIP = Document(_kind("application/zip", "zip", b"", b""), _zip())
MP4 = Document(_kind("video/mp4", "mp4", struct.pack(">I", 8 + TAG_LENGTH) + b"free", b""), _mp4())
BY_KIND = {"text": TEXT, "html": HTML, "csv": CSV, "pdf": PDF, "zip": ZIP, "mp4": MP4}
GENERATED = (TEXT, CSV, PDF, ZIP, MP4)

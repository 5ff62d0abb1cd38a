"""What native documents turn into when they are exported: small, valid files that say which."""

import io
import zipfile
from collections.abc import Callable, Mapping
from html import escape

import msgspec
from PIL import Image

from drive_emulator.content.documents import PDF
from drive_emulator.http.errors import ApiError, classic
from drive_emulator.tree.tree import File

LARGEST = 10_000_000  # bytes that Google exports at most
_NATIVE = "application/vnd.google-apps."
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_LONG_AGO = (2025, 1, 1, 0, 0, 0)

# Source: developers.google.com/workspace/drive/api/guides/ref-export-formats. The first is what
# files.download takes when it is not told.
FORMATS: Mapping[str, tuple[str, ...]] = {
    f"{_NATIVE}document": (
        f"{_OFFICE}wordprocessingml.document",
        f"{_OPEN}text",
        "application/rtf",
        "application/pdf",
        "text/plain",
        "application/zip",
        "application/epub+zip",
        "text/markdown",
    ),
    f"{_NATIVE}spreadsheet": (
        f"{_OFFICE}spreadsheetml.sheet",
        f"{_OPEN}spreadsheet",
        "application/pdf",
        "application/zip",
        "text/csv",
        "text/tab-separated-values",
    ),
    f"{_NATIVE}presentation": (
        f"{_OFFICE}presentationml.presentation",
        f"{_OPEN}presentation",
        "application/pdf",
        "text/plain",
        "image/jpeg",
        "image/png",
        "image/svg+xml",
    ),
    f"{_NATIVE}drawing": ("image/png", "application/pdf", "image/jpeg", "image/svg+xml"),
    f"{_NATIVE}script": (f"{_NATIVE}script+json",),
}

IMPORTS: Mapping[str, tuple[str, ...]] = {
    f"{_OFFICE}wordprocessingml.document": (f"{_NATIVE}document",),
    f"{_OFFICE}spreadsheetml.sheet": (f"{_NATIVE}spreadsheet",),
    f"{_OFFICE}presentationml.presentation": (f"{_NATIVE}presentation",),
    "text/plain": (f"{_NATIVE}document",),
    "text/csv": (f"{_NATIVE}spreadsheet",),
}


_SHORT: Mapping[str, str] = {
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OPEN}text": "odt",
    f"{_OPEN}spreadsheet": "ods",
    f"{_OPEN}presentation": "odp",
    "application/rtf": "rtf",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/epub+zip": "epub",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/svg+xml": "svg",
    f"{_NATIVE}script+json": "json",
}
EDITORS: Mapping[str, str] = {
    f"{_NATIVE}document": "/feeds/download/documents/export/Export",
    f"{_NATIVE}spreadsheet": "/spreadsheets/export",
    f"{_NATIVE}presentation": "/feeds/download/presentations/Export",
    f"{_NATIVE}drawing": "/feeds/download/drawings/Export",
    f"{_NATIVE}script": "/feeds/download/scripts/Export",
}
"""Where the editors of docs.google.com serve what `exportLinks` points at (rclone goes there)."""


def export_links(file: File) -> dict[str, str] | None:
    """The field of that name: for every format, the address that gives it."""
    native = file.entry.mime_type
    if native not in EDITORS or not file.entry.extras.can_download:
        return None
    address = f"https://docs.google.com{EDITORS[native]}?id={file.id}&exportFormat="
    return {mime_type: address + _SHORT[mime_type] for mime_type in FORMATS[native]}


def format_called(native: str, short: str) -> str:
    """The format that a link calls `docx`, say; what there is not is given back as it is."""
    formats = FORMATS.get(native, ())
    return next((each for each in formats if _SHORT[each] == short), short or "nothing")


def check_format(file: File, mime_type: str) -> str:
    """The format to export to, or the usual one for ``; raises `ApiError` as Google does."""
    native = file.entry.mime_type
    if not native.startswith(_NATIVE) or native not in FORMATS:
        if file.entry.blob is None and native.startswith(_NATIVE):
            raise _unsupported()  # a form, a map, a folder: native, and turns into nothing
        raise ApiError(
            403, classic(403, "fileNotExportable", "Export only supports Docs Editors files.")
        )
    if not mime_type:
        return FORMATS[native][0]
    if mime_type not in FORMATS[native]:
        raise _unsupported()
    return mime_type


def _unsupported() -> ApiError:
    message = "The requested conversion is not supported."
    return ApiError(400, classic(400, "badRequest", message, ("parameter", "convertTo")))


def too_large() -> ApiError:
    """403 for what would be more than 10 MB."""
    message = "This file is too large to be exported."
    return ApiError(403, classic(403, "exportSizeLimitExceeded", message))


def exported(file: File, mime_type: str) -> bytes:
    """The same for the same file and format, always."""
    title = f"{file.entry.name} ({file.id})"
    return _MAKERS.get(mime_type, _archive)(title)


def _plain(title: str) -> bytes:
    return f"{title}\n".encode()


def _table(title: str) -> bytes:
    return f'"{title.replace(chr(34), chr(34) * 2)}"\r\n'.encode()


def _svg(title: str) -> bytes:
    text = escape("".join(each if each.isprintable() else " " for each in title))
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    return f"{head}<title>{text}</title></svg>\n".encode()


def _rtf(title: str) -> bytes:
    words = "".join(each if each.isalnum() and each.isascii() else " " for each in title)
    return f"{{\\rtf1\\ansi {words}}}\n".encode()


def _pdf(title: str) -> bytes:
    return (
        PDF.content + b"% " + title.encode("ascii", "backslashreplace").replace(b"\n", b" ") + b"\n"
    )


def _picture(kind: str) -> Callable[[str], bytes]:
    def make(title: str) -> bytes:
        red, green, blue, *_ = title.encode()[-4:] + bytes(3)
        out = io.BytesIO()
        Image.new("RGB", (64, 64), (red, green, blue)).save(out, kind)
        return out.getvalue()

    return make


def _archive(title: str) -> bytes:
    """Office's and the open formats are archives; so is what is in this one, and no more."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("content.txt", _LONG_AGO), _plain(title))
    return out.getvalue()


_MAKERS: Mapping[str, Callable[[str], bytes]] = {
    "text/plain": _plain,
    "text/markdown": lambda title: b"# " + _plain(title),
    "text/csv": _table,
    "text/tab-separated-values": _table,
    "application/rtf": _rtf,
    f"{_NATIVE}script+json": lambda title: msgspec.json.encode({"files": [{"name": title}]}),
    "application/pdf": _pdf,
    "image/svg+xml": _svg,
    "image/png": _picture("PNG"),
    "image/jpeg": _picture("JPEG"),
}

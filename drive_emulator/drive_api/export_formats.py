"""The formats of exports, and small valid files in each of them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from html import escape

import msgspec
from PIL import Image

from drive_emulator.content.documents import PDF
from drive_emulator.http.errors import ApiError, api_error, named_error
from drive_emulator.tree.tree import File

MAX_EXPORT_BYTES = 10_000_000  # Google's limit
_NATIVE = "application/vnd.google-apps."
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_ZIP_DATE = (2025, 1, 1, 0, 0, 0)

_TYPES: Mapping[str, str] = {
    "docx": f"{_OFFICE}wordprocessingml.document",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "pptx": f"{_OFFICE}presentationml.presentation",
    "odt": f"{_OPEN}text",
    "ods": f"{_OPEN}spreadsheet",
    "odp": f"{_OPEN}presentation",
    "rtf": "application/rtf",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "epub": "application/epub+zip",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "json": f"{_NATIVE}script+json",
}
# Source: developers.google.com/workspace/drive/api/guides/ref-export-formats. files.download uses
# the first one by default.
_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    f"{_NATIVE}document": ("docx", "odt", "rtf", "pdf", "txt", "zip", "epub", "md"),
    f"{_NATIVE}spreadsheet": ("xlsx", "ods", "pdf", "zip", "csv", "tsv"),
    f"{_NATIVE}presentation": ("pptx", "odp", "pdf", "txt", "jpeg", "png", "svg"),
    f"{_NATIVE}drawing": ("png", "pdf", "jpeg", "svg"),
    f"{_NATIVE}script": ("json",),
}
FORMATS: Mapping[str, tuple[str, ...]] = {
    native: tuple(_TYPES[each] for each in extensions) for native, extensions in _EXTENSIONS.items()
}
_IMPORTED = {"docx": "document", "xlsx": "spreadsheet", "pptx": "presentation"}
_IMPORTED |= {"txt": "document", "csv": "spreadsheet"}
IMPORTS = {_TYPES[each]: (f"{_NATIVE}{kind}",) for each, kind in _IMPORTED.items()}
EDITORS: Mapping[str, str] = {
    f"{_NATIVE}document": "/feeds/download/documents/export/Export",
    f"{_NATIVE}spreadsheet": "/spreadsheets/export",
    f"{_NATIVE}presentation": "/feeds/download/presentations/Export",
    f"{_NATIVE}drawing": "/feeds/download/drawings/Export",
    f"{_NATIVE}script": "/feeds/download/scripts/Export",
}
"""The paths on docs.google.com that `exportLinks` points at; rclone uses them."""


def export_links(file: File) -> dict[str, str] | None:
    """The `exportLinks` field: the address of every format."""
    native = file.entry.mime_type
    if native not in EDITORS or not file.entry.extras.can_download:
        return None
    address = f"https://docs.google.com{EDITORS[native]}?id={file.id}&exportFormat="
    return {_TYPES[extension]: address + extension for extension in _EXTENSIONS[native]}


def format_of(native: str, extension: str) -> str:
    """The format that a link names by its extension; an unknown extension is returned as it is."""
    return _TYPES[extension] if extension in _EXTENSIONS.get(native, ()) else extension or "none"


def check_format(file: File, mime_type: str) -> str:
    """The format to export to, or the default if it is empty; raises `ApiError`."""
    native = file.entry.mime_type
    if not native.startswith(_NATIVE) or native not in FORMATS:
        if file.entry.blob is None and native.startswith(_NATIVE):
            raise _unsupported()  # native without export formats: a form, a map, a folder
        raise named_error("fileNotExportable")
    if not mime_type:
        return FORMATS[native][0]
    if mime_type not in FORMATS[native]:
        raise _unsupported()
    return mime_type


def _unsupported() -> ApiError:
    message = "The requested conversion is not supported."
    return api_error(400, "badRequest", message, ("parameter", "convertTo"))


def exported(file: File, mime_type: str) -> bytes:
    """The exported file; always the same for the same file and format."""
    title = f"{file.entry.name} ({file.id})"
    return _ENCODERS.get(mime_type, _archive)(title)


def _plain(title: str) -> bytes:
    return f"{title}\n".encode()


def _csv(title: str) -> bytes:
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


def _image(kind: str) -> Callable[[str], bytes]:
    def make(title: str) -> bytes:
        red, green, blue, *_ = title.encode()[-4:] + bytes(3)
        out = io.BytesIO()
        Image.new("RGB", (64, 64), (red, green, blue)).save(out, kind)
        return out.getvalue()

    return make


def _archive(title: str) -> bytes:
    """Office and OpenDocument formats are ZIP archives. This one only holds a text."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("content.txt", _ZIP_DATE), _plain(title))
    return out.getvalue()


_ENCODERS: Mapping[str, Callable[[str], bytes]] = {
    "text/plain": _plain,
    "text/markdown": lambda title: b"# " + _plain(title),
    "text/csv": _csv,
    "text/tab-separated-values": _csv,
    "application/rtf": _rtf,
    f"{_NATIVE}script+json": lambda title: msgspec.json.encode({"files": [{"name": title}]}),
    "application/pdf": _pdf,
    "image/svg+xml": _svg,
    "image/png": _image("PNG"),
    "image/jpeg": _image("JPEG"),
}

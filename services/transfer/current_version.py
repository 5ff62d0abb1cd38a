"""A file that was replaced between its listing and its download. Pure.

Bytes that differ from the listing have three possible causes: they were damaged on the way, the
file has a newer version, or the file is gone.
"""

from msgspec.structs import replace

from services.core.errors import TRASHED, SetAside
from services.core.events import FileFound
from services.core.ports import Entry

OF_THE_BYTES = ("size", "md5", "sha1", "sha256", "modified_time", "width", "height")
"""Fields that a newer version replaces even where Drive leaves them out."""
OF_THE_FILE = ("name", "mime_type", "resource_key", "version")
"""Fields that keep the listed value where Drive leaves them out. With a lower version, the new
outcome would lose against older ones."""


def newer_version(file: FileFound, now: Entry) -> FileFound | None:
    """The file as it is now; None if there is no newer version.

    An answer that is older than the listing, or lacks a checksum that the listing had, is ignored:
    otherwise damaged bytes could pass for a newer version. Raises `SetAside` for a file that can no
    longer be imported.
    """
    if now.trashed:
        raise SetAside(TRASHED, "The owner put this file into the trash after it was listed.")
    if _same(file, now) or 0 < now.version < file.version:
        return None
    if _has_checksum(file) and not _has_checksum(now):
        return None
    if now.mime_type and not now.mime_type.startswith("image/"):
        raise SetAside("not_an_image", "This file was replaced by something that is not an image.")
    if not now.can_download:
        raise SetAside("not_permitted", "The owner no longer allows this file to be downloaded.")
    bytes_now = {name: getattr(now, name) for name in OF_THE_BYTES}
    file_now = {name: getattr(now, name) or getattr(file, name) for name in OF_THE_FILE}
    return replace(file, **bytes_now, **file_now)


def _same(file: FileFound, now: Entry) -> bool:
    """Whether the two agree in every field that both of them have."""
    if file.version and now.version and file.version != now.version:
        return False
    names = ("size", "md5", "sha1", "sha256")
    pairs = [(getattr(file, name), getattr(now, name)) for name in names]
    return all(listed == current or None in (listed, current) for listed, current in pairs)


def _has_checksum(file: FileFound | Entry) -> bool:
    return bool(file.md5 or file.sha1 or file.sha256)

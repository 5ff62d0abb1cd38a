"""What a file is now, when its owner may have replaced it between listing and download. Pure.

Bytes that do not fit say nothing yet: they may be broken, or those of a newer version, or the file
may be gone.
"""

from msgspec.structs import replace

from services.core.errors import SetAside
from services.core.events import FileFound
from services.core.ports import Entry
from services.core.reasons import TRASHED


def newer_version(file: FileFound, now: Entry) -> FileFound | None:
    """The file as it is now, if that is another version; None if it is the same.

    An answer that is older than the listing, or lacks a checksum that the listing had, is not
    believed: else broken bytes could pass for a new version. Raises `SetAside` for a file that
    cannot be imported any more.
    """
    if now.trashed:
        raise SetAside(TRASHED, "The owner put this file into the trash after it was listed.")
    if _same(file, now) or 0 < now.version < file.version:
        return None
    if _has_checksum(file) and not _has_checksum(now):
        return None
    if now.mime_type and not now.mime_type.startswith("image/"):
        raise SetAside("not_an_image", "This file was replaced by something that is no image.")
    if not now.can_download:
        raise SetAside("not_permitted", "The owner no longer allows this file to be downloaded.")
    return replace(
        file,
        name=now.name or file.name,
        mime_type=now.mime_type or file.mime_type,
        size=now.size,
        md5=now.md5,
        sha1=now.sha1,
        sha256=now.sha256,
        version=now.version or file.version,  # a lower one would lose against older outcomes
        modified_time=now.modified_time,
        width=now.width,
        height=now.height,
        resource_key=now.resource_key or file.resource_key,
    )


def _same(file: FileFound, now: Entry) -> bool:
    """Whether everything that both of them say agrees."""
    pairs = (
        (file.version or None, now.version or None),
        (file.size, now.size),
        (file.md5, now.md5),
        (file.sha1, now.sha1),
        (file.sha256, now.sha256),
    )
    return all(then == since or None in (then, since) for then, since in pairs)


def _has_checksum(file: FileFound | Entry) -> bool:
    return bool(file.md5 or file.sha1 or file.sha256)

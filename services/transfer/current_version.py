"""One file until it is stored, also when its owner replaces it between listing and download.

What is wrong with the bytes says nothing yet: they may be broken, or those of a newer version, or
the file may be gone. So where they do not fit, Drive is asked once what the file is now.
"""

import structlog
from msgspec.structs import replace

from services.core.errors import SetAside, TryAgain
from services.core.events import FileFound
from services.core.ports import Entry
from services.core.reasons import CONTENT_MISMATCH, GONE, NOT_FOUND, TRASHED
from services.transfer.copy import Copied, Copier

DOUBTFUL = {CONTENT_MISMATCH, NOT_FOUND}
"""What can mean that the file is no longer what was listed, in whatever way."""
log = structlog.get_logger("transfer")


class Pursuit:
    """`file` is what was found; once it was looked up, what is there now."""

    def __init__(self, copier: Copier, file: FileFound) -> None:
        self._copier = copier
        self._looked_up = False
        self.file = file

    async def copy(self) -> Copied:
        """One attempt: of what was found or, if that was replaced meanwhile, of what is there now.

        Raises the three verbs; a look-up that fails is the attempt's failure, and comes again.
        """
        try:
            return await self._copier.copy(self.file)
        except (TryAgain, SetAside) as why:
            if self._looked_up or why.reason not in DOUBTFUL:
                raise
            now = await self._look_up()
            self._looked_up = True
            newer = successor(self.file, now)
            if (
                newer is None
            ):  # it is what it was: so the answer was wrong, and the next may be right
                raise TryAgain(why.reason, why.message) from why
        log.info(
            "transfer.file_replaced",
            import_id=newer.import_id,
            file_id=newer.file_id,
            version=newer.version,
        )
        self.file = newer
        return await self._copier.copy(newer)

    async def _look_up(self) -> Entry:
        try:
            return await self._copier.look_up(self.file)
        except SetAside as why:
            if why.reason != NOT_FOUND:
                raise
            raise SetAside(
                GONE,
                "This file was there when its folder was listed and is not any more: it was "
                "deleted, or it is no longer shared with anyone who has the link.",
            ) from why


def successor(file: FileFound, now: Entry) -> FileFound | None:
    """The file as it is now, if that is another version of it; None if it is none.

    An answer that is older than the listing, or that has no checksum where the listing had one, is
    not believed: else broken bytes could pass for a new version. Raises `SetAside` for what cannot
    be imported any more.
    """
    if now.trashed:
        raise SetAside(TRASHED, "The owner put this file into the trash after it was listed.")
    if _same(file, now) or 0 < now.version < file.version:
        return None
    if _has_sum(file) and not _has_sum(now):
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
    """Whether all that is known of both agrees: one of them may say less than the other."""
    pairs = (
        (file.version or None, now.version or None),
        (file.size, now.size),
        (file.md5, now.md5),
        (file.sha1, now.sha1),
        (file.sha256, now.sha256),
    )
    return all(then == since or None in (then, since) for then, since in pairs)


def _has_sum(file: FileFound | Entry) -> bool:
    return bool(file.md5 or file.sha1 or file.sha256)

"""What a pasted link leads to if it is not a folder that has entries, and what is not imported.

Drive lists nothing for an item that is no folder, and says 404 at times. A shortcut to a folder is
listed as a folder whose only entry is this shortcut, so that whatever is true of shortcuts is true
of it. Anything else fails the import, with a sentence that says what it is.
"""

from collections.abc import Mapping
from typing import Protocol

from services.core.errors import NOT_FOUND, TRASHED, SetAside
from services.core.ports import FOLDER_TYPE, GOOGLE_TYPES, SHORTCUT_TYPE, Entry, Page

NOT_A_FOLDER = "not_a_folder"
DANGLING = "shortcut_dangling"
Targets = Mapping[str, Entry | SetAside]
"""By the target's id: what it is now, or why it could not be looked up."""
NO_TARGETS: Targets = {}


class LooksUp(Protocol):
    async def look_up(self, item_id: str, key: str | None) -> Entry:
        """The item as it is now. Raises `SetAside`."""


async def page_of_root(
    drive: LooksUp, root_id: str, key: str | None, refused: SetAside | None
) -> tuple[Page, Targets]:
    """The page of an import's root for which Drive listed nothing, and the targets in it. `refused`
    is Drive's answer if it did not list at all. Raises `SetAside`."""
    try:
        root = await drive.look_up(root_id, key)
    except SetAside as why:
        raise refused or why from None
    if root.mime_type != SHORTCUT_TYPE or root.trashed:
        check_is_folder(root)
        if refused is not None:
            raise refused
        return Page(entries=()), NO_TARGETS
    target = await _target(drive, root)
    return Page(entries=(root,)), {target.id: target}


async def _target(drive: LooksUp, shortcut: Entry) -> Entry:
    lost = SetAside(
        DANGLING,
        "This is a shortcut to an item that was deleted or is not shared with anyone who has the "
        "link. Paste the link of the folder itself.",
    )
    if shortcut.target is None:
        raise lost
    try:
        target = await drive.look_up(shortcut.target.id, shortcut.target.resource_key)
    except SetAside as why:
        raise lost if why.reason == NOT_FOUND else why from None
    if target.trashed:
        raise SetAside(TRASHED, "This is a shortcut to an item that is in its owner's trash.")
    if target.mime_type != FOLDER_TYPE:
        raise SetAside(
            NOT_A_FOLDER,
            f"This is a shortcut to {_kind(target)}, not to a folder. Paste the link of the folder "
            "that contains it.",
        )
    return target


def check_is_folder(item: Entry) -> None:
    """Raises `SetAside` unless an empty listing of this item means an empty folder. Drive may also
    answer with an empty list for a folder that does not exist (drive-api.md §1.1)."""
    if item.trashed:
        raise SetAside(TRASHED, f"This {_kind(item).split()[-1]} is in its owner's trash.")
    if item.mime_type != FOLDER_TYPE:
        raise SetAside(
            NOT_A_FOLDER,
            f"This is {_kind(item)}, not a folder. Paste the link of the folder that contains it.",
        )


def _kind(item: Entry) -> str:
    if item.mime_type == FOLDER_TYPE:
        return "a folder"
    if item.mime_type == SHORTCUT_TYPE:
        return "a shortcut"
    return "a Google document" if item.mime_type.startswith(GOOGLE_TYPES) else "a file"


def why_skipped(item: Entry) -> str | None:
    """A reason code; None if the item is a folder or is fetched."""
    if item.trashed:
        return TRASHED
    if item.mime_type == FOLDER_TYPE:
        return None
    if item.mime_type == SHORTCUT_TYPE:
        return "shortcut"
    if item.mime_type.startswith(GOOGLE_TYPES):
        return "google_document"
    if not item.mime_type.startswith("image/"):
        return "not_an_image"
    return None if item.can_download else "not_downloadable"

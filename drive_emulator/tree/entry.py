"""What is known of one item of a tree."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from drive_emulator.content.blobs import Blob

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
NATIVE = "application/vnd.google-apps."
"""Every type that begins like this has no bytes to download."""
NEWEST_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z: the original files of every tree are older."""


@dataclass(frozen=True)
class Target:
    """What a shortcut says about its target: the state when the shortcut was made."""

    id: str
    mime_type: str
    resource_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What few items have; all others share `NO_EXTRAS`.

    `own_access`: the item's own `shared` counts, not its folder's. `says` overrides fields of its
    JSON, truthfully or not; fields in `omit` are left out.
    """

    resource_key: str | None = None
    shared_with: frozenset[str] = frozenset()
    own_access: bool = False
    can_download: bool = True
    abusive: bool = False
    omit: frozenset[str] = frozenset()
    says: Mapping[str, Any] = field(default_factory=dict)
    target: Target | None = None
    revision: int = 0  # how often its bytes were replaced
    changes: int = 0  # how often it was changed in any way


NO_EXTRAS = Extras()


class Entry(NamedTuple):
    """One item. `blob` is None if it has no bytes. Times are UTC milliseconds since 1970."""

    name: str
    mime_type: str
    blob: Blob | None
    modified_ms: int
    created_ms: int
    shared: bool = True
    trashed: bool = False
    theme: str = ""
    location: tuple[float, ...] | None = None  # latitude, longitude
    extras: Extras = NO_EXTRAS

    @property
    def is_folder(self) -> bool:
        return self.mime_type == FOLDER

    def with_extras(self, **changes: Any) -> "Entry":
        return self._replace(extras=replace(self.extras, **changes))

    @property
    def downloadable_by_anybody(self) -> bool:
        """Shared by link, not in the trash, and not refused by Drive."""
        allowed = self.extras.can_download and not self.extras.abusive
        return self.shared and not self.trashed and allowed

"""What is at a place of a tree: what every item has, and the rare things that few have."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from drive_emulator.content.blobs import Blob

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
NATIVE = "application/vnd.google-apps."
"""Every type that begins so has no bytes to download."""


@dataclass(frozen=True)
class Target:
    """What a shortcut says about what it points at, as that was when the shortcut was made."""

    id: str
    mime_type: str
    resource_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What few items have; all others share `PLAIN`.

    `own_access`: shared as it says itself, whatever its folder says. `says` are fields of its JSON,
    given as they stand here, true or not; those in `omit` are never given.
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
    changes: int = 0  # how often anything about it was changed

    def with_accounts(self, accounts: frozenset[str]) -> "Rare":
        """Shared with these by name."""
        return self if accounts == self.shared_with else replace(self, shared_with=accounts)


NO_EXTRAS = Extras()


class Entry(NamedTuple):
    """What is at an ordinal. `stock` is None for what has no bytes. Times are UTC milliseconds."""

    name: str
    mime_type: str
    blob: Blob | None
    modified_ms: int
    created_ms: int
    shared: bool = True
    trashed: bool = False
    theme: str = ""
    location: tuple[float, float] | None = None  # latitude, longitude
    extras: Extras = NO_EXTRAS

    @property
    def is_folder(self) -> bool:
        return self.mime_type == FOLDER

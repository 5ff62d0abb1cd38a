"""What can be said of an item in JSON, in a written tree and in a mutation alike."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from drive_emulator.entry import Entry, Rare
from drive_emulator.schema import FILE

LARGEST_TEXT = 1024 * 1024  # characters of a file's content given in JSON
_LONGEST_KEY = 100
_YEARS = (1970, 9000)  # what RFC 3339 and every client's clock can hold


class BadTree(ValueError):
    """A specification that cannot be used; the message says which part, and what would do."""


class Attributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Each is left as it is, or usual, where it is not given.

    `says` are JSON fields given as they stand, true or not, and `driveSize` is `says.size` in
    short; fields in `omit` are never given. Times are RFC 3339, UTC where no zone is given.
    """

    resource_key: str | UnsetType | None = UNSET
    trashed: bool | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    shared_with: list[str] | UnsetType = UNSET
    can_download: bool | UnsetType = UNSET
    abusive: bool | UnsetType = UNSET
    omit: list[str] | UnsetType = UNSET
    says: dict[str, Any] | UnsetType = UNSET
    drive_size: int | str | UnsetType = UNSET
    mime_type: str | UnsetType = UNSET
    modified_time: datetime | UnsetType = UNSET
    created_time: datetime | UnsetType = UNSET

    def check(self) -> None:
        """Raises `BadTree` with a sentence, without the place."""
        key = self.resource_key
        if isinstance(key, str) and not (0 < len(key) <= _LONGEST_KEY and "," not in key):
            raise BadTree(f"a resource key has 1 to {_LONGEST_KEY} characters and no comma")
        fields = [*(self.omit or ()), *(self.says or ())]
        unknown = next((name for name in fields if name not in FILE), None)
        if unknown is not None:
            raise BadTree(f"a file in Drive has no field {unknown[:40]!r}")
        if isinstance(self.mime_type, str) and not is_mime_type(self.mime_type):
            raise BadTree("a MIME type is printable ASCII with a / in it, at most 255 characters")
        for moment in (self.modified_time, self.created_time):
            if moment and not _YEARS[0] <= moment.year <= _YEARS[1]:
                raise BadTree(f"a time is in the years {_YEARS[0]} to {_YEARS[1]}")

    def applied(self, entry: Entry) -> Entry:
        """The entry with what is given here."""
        modified, created = self.modified_time, self.created_time
        return entry._replace(
            mime_type=entry.mime_type if self.mime_type is UNSET else self.mime_type,
            trashed=entry.trashed if self.trashed is UNSET else self.trashed,
            shared=entry.shared if self.shared is UNSET else self.shared,
            modified_ms=entry.modified_ms if modified is UNSET else _milliseconds(modified),
            created_ms=entry.created_ms if created is UNSET else _milliseconds(created),
            rare=self.rarely(entry.rare),
        )

    def rarely(self, rare: Rare) -> Rare:
        """What is rare with what is given here."""
        parts = {
            "resource_key": self.resource_key,
            "shared_with": _set(self.shared_with),
            "can_download": self.can_download,
            "abusive": self.abusive,
            "omit": _set(self.omit),
            "says": self._told(rare),
            # What says for itself that it is shared is so in a private folder too.
            "own_access": UNSET if self.shared is UNSET else bool(self.shared),
        }
        given: dict[str, Any] = {name: each for name, each in parts.items() if each is not UNSET}
        return replace(rare, **given) if given else rare

    def _told(self, rare: Rare) -> dict[str, Any] | UnsetType:
        if self.says is UNSET and self.drive_size is UNSET:
            return UNSET
        told = dict(rare.says) if self.says is UNSET else dict(self.says or {})
        if self.drive_size is not UNSET:
            told["size"] = str(self.drive_size)
        return told


def is_mime_type(text: str) -> bool:
    """Whether it can stand in a header."""
    return "/" in text and text.isascii() and text.isprintable() and len(text) <= 255


def _set(names: list[str] | UnsetType) -> frozenset[str] | UnsetType:
    return UNSET if isinstance(names, UnsetType) else frozenset(names)


def _milliseconds(moment: datetime) -> int:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)

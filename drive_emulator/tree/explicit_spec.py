"""Trees written down item by item, in JSON: for tests that want exactly this and nothing else."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from drive_emulator.content.kinds import KINDS
from drive_emulator.fields.schema import FILE
from drive_emulator.tree.entry import FOLDER, NATIVE, SHORTCUT, Entry, Extras

MAX_TEXT_LENGTH = 1024 * 1024  # characters of a file's content given in JSON
_MAX_KEY = 100
_YEARS = (1970, 9000)  # what RFC 3339 and every client's clock can hold


class BadTree(ValueError):
    """A specification that cannot be used; the message says which part, and what would do."""


class ItemAttributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
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
        if isinstance(key, str) and not (0 < len(key) <= _MAX_KEY and "," not in key):
            raise BadTree(f"a resource key has 1 to {_MAX_KEY} characters and no comma")
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
            extras=self.applied_extras(entry.extras),
        )

    def applied_extras(self, extras: Extras) -> Extras:
        """What is rare with what is given here."""
        parts = {
            "resource_key": self.resource_key,
            "shared_with": _set(self.shared_with),
            "can_download": self.can_download,
            "abusive": self.abusive,
            "omit": _set(self.omit),
            "says": self._told(extras),
            # What says for itself that it is shared is so in a private folder too.
            "own_access": UNSET if self.shared is UNSET else bool(self.shared),
        }
        given: dict[str, Any] = {name: each for name, each in parts.items() if each is not UNSET}
        return replace(extras, **given) if given else extras

    def _told(self, extras: Extras) -> dict[str, Any] | UnsetType:
        if self.says is UNSET and self.drive_size is UNSET:
            return UNSET
        told = dict(extras.says) if self.says is UNSET else dict(self.says or {})
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


MAX_ITEMS = 100_000
DEEPEST = 200  # folders above an item: Drive allows 100
MAX_NAME_LENGTH = 100_000  # characters
MAX_REF_LENGTH = 18  # Drive has no id so short, so no id is taken for a ref
MIN_SIZE = 4_096  # bytes: the smallest picture of every format and scene fits
MAX_SIZE = 2**31
_ID = re.compile(r"[A-Za-z0-9_-]{19,100}")

Pointer = str | list[str]
"""A `ref` of the same tree, the path of an item of it, or the id of anything anywhere."""


class ItemSpec(
    ItemAttributes, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """One item. `path` are the folders from the root (or from the folder `in`) and its own name; a
    folder of no path describes the root.

    `size` is of pictures, `text` the whole content of a text or html. `target` null is a shortcut
    to nothing. `parents` puts it into other folders than its path says: none, or several.
    """

    path: str | list[str]
    kind: str = "picture"
    ref: str | None = None
    inside: str | None = msgspec.field(default=None, name="in")
    parents: list[Pointer] | UnsetType = UNSET
    size: int | None = None
    text: str | None = None
    target: Pointer | UnsetType | None = UNSET
    target_mime_type: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else tuple(self.path)


class ExplicitTreeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of these items. `drive` is the name of the shared drive that it is (or an id that
    begins with 0A), `owner` the account that everything belongs to; `seed` gives other ids.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    items: list[ItemSpec]
    title: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    drive: str | None = None
    owner: str = ""


def parse_explicit_tree(text: str | bytes) -> ExplicitTreeSpec:
    """The specification in a JSON text; raises `BadTree`, with the place of the fault."""
    try:
        spec = msgspec.json.decode(text, type=ExplicitTreeSpec)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BadTree(f"not a tree: {why}") from None
    if len(spec.items) > MAX_ITEMS:
        raise BadTree(f"not a tree: more than {MAX_ITEMS:,} items")
    refs: set[str] = set()
    for number, item in enumerate(spec.items):
        try:
            validate_item(item)
            if item.ref is not None and item.ref in refs:
                raise BadTree(f"another item has the ref {item.ref!r}")
        except BadTree as why:
            raise BadTree(f"not a tree: {why} - at `$.items[{number}]`") from None
        refs.add(item.ref or "")
    return spec


def validate_item(item: ItemSpec) -> None:
    """What can be told of an item alone; raises `BadTree` without the place."""
    if item.kind not in KINDS:
        raise BadTree(f"a kind is one of {', '.join(KINDS)}")
    item.check()
    names = item.names
    if not names and (item.kind != "folder" or item.inside):
        raise BadTree("a path has one name at least: only [] as a folder describes the root")
    if len(names) > DEEPEST or any(len(name) > MAX_NAME_LENGTH for name in names):
        raise BadTree(f"a path has {DEEPEST} names of {MAX_NAME_LENGTH:,} characters at most")
    if item.ref is not None and not 0 < len(item.ref) <= MAX_REF_LENGTH:
        raise BadTree(f"a ref has 1 to {MAX_REF_LENGTH} characters: {item.ref[:40]!r} has not")
    _check_bytes(item)
    is_shortcut = item.kind == "shortcut"
    if is_shortcut and item.target is UNSET:
        raise BadTree("a shortcut needs a target: a ref, a path, an id, or null for none")
    if not is_shortcut and (item.target is not UNSET or item.target_mime_type is not None):
        raise BadTree(f"only a shortcut has a target, and this is a {item.kind}")
    _check_type(item)


def _check_bytes(item: ItemSpec) -> None:
    if item.size is not None:
        if item.kind != "picture":
            raise BadTree(f"only a picture has a size, and this is a {item.kind}")
        if not MIN_SIZE <= item.size <= MAX_SIZE:
            raise BadTree(f"a size is {MIN_SIZE:,} to {MAX_SIZE:,} bytes")
    if item.text is not None:
        if item.kind not in ("text", "html"):
            raise BadTree(f"only a text or html has a text, and this is a {item.kind}")
        if len(item.text) > MAX_TEXT_LENGTH:
            raise BadTree(f"a text has {MAX_TEXT_LENGTH:,} characters at most")


def _check_type(item: ItemSpec) -> None:
    said = item.mime_type
    if isinstance(said, UnsetType):
        return
    if item.kind in ("folder", "shortcut"):
        raise BadTree(f"a {item.kind} is a {item.kind} by its MIME type: it takes no other")
    if (item.kind == "native") != (said.startswith(NATIVE) and said not in (FOLDER, SHORTCUT)):
        raise BadTree(f"types below {NATIVE} are of kind native, and all of that kind are")


def is_id(text: str) -> bool:
    """Whether it could be an id of Drive's, and no ref."""
    return _ID.fullmatch(text) is not None

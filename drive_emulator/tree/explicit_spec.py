"""Explicit trees: every item is described in JSON, for tests that need exactly these items."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from drive_emulator.content.blobs import KINDS
from drive_emulator.fields.schema import FILE
from drive_emulator.tree.entry import FOLDER, NATIVE, SHORTCUT, Entry, Extras
from drive_emulator.validation import InvalidInput, decode

MAX_ITEMS = 100_000
MAX_DEPTH = 200  # folders above an item: Drive allows 100
MAX_NAME_LENGTH = 100_000  # characters
MAX_REF_LENGTH = 18  # Drive's ids are longer, so no id can be mistaken for a ref
MAX_TEXT_LENGTH = 1024 * 1024  # characters of a file's content given in JSON
MIN_SIZE = 4_096  # bytes: enough for the smallest picture of every format and scene
MAX_SIZE = 2**31
_MAX_KEY_LENGTH = 100
_YEARS = (1970, 9000)  # what RFC 3339 and every client's clock can represent
DRIVE_ID = re.compile(r"0A[A-Za-z0-9_-]{17}")
_ID = re.compile(r"[A-Za-z0-9_-]{19,100}")

TreeName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Pointer = str | list[str]
"""A `ref` or a path of the same tree, or any id."""


class BadTree(InvalidInput):
    """A tree specification that cannot be used."""


class ItemAttributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Attributes that new items and mutations have in common; those not given stay as they are.

    `says` overrides JSON fields, truthfully or not, and `driveSize` is short for `says.size`.
    Fields in `omit` are left out. Times are RFC 3339, in UTC where no zone is given.
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

    def validate(self) -> None:
        """Raises `BadTree`, without the position in the tree."""
        key = self.resource_key
        if isinstance(key, str) and not (0 < len(key) <= _MAX_KEY_LENGTH and "," not in key):
            raise BadTree(f"a resource key has 1 to {_MAX_KEY_LENGTH} characters and no comma")
        fields = [*(self.omit or ()), *(self.says or ())]
        unknown = next((name for name in fields if name not in FILE), None)
        if unknown is not None:
            raise BadTree(f"files in Drive have no field {unknown[:40]!r}")
        if isinstance(self.mime_type, str) and not _is_mime_type(self.mime_type):
            raise BadTree("a MIME type is printable ASCII with a / in it, at most 255 characters")
        for moment in (self.modified_time, self.created_time):
            if moment and not _YEARS[0] <= moment.year <= _YEARS[1]:
                raise BadTree(f"times must be in the years {_YEARS[0]} to {_YEARS[1]}")

    def applied(self, entry: Entry) -> Entry:
        changes = {
            "mime_type": self.mime_type,
            "trashed": self.trashed,
            "shared": self.shared,
            "modified_ms": _milliseconds(self.modified_time),
            "created_ms": _milliseconds(self.created_time),
        }
        return entry._replace(**_given(changes), extras=self._extras(entry.extras))

    def _extras(self, extras: Extras) -> Extras:
        changes = _given(
            {
                "resource_key": self.resource_key,
                "shared_with": _as_set(self.shared_with),
                "can_download": self.can_download,
                "abusive": self.abusive,
                "omit": _as_set(self.omit),
                "says": self._says(extras),
                # An item with `shared` of its own is shared in a private folder too.
                "own_access": UNSET if self.shared is UNSET else bool(self.shared),
            }
        )
        return replace(extras, **changes) if changes else extras

    def _says(self, extras: Extras) -> dict[str, Any] | UnsetType:
        if self.says is UNSET and self.drive_size is UNSET:
            return UNSET
        says = dict(extras.says) if self.says is UNSET else dict(self.says or {})
        if self.drive_size is not UNSET:
            says["size"] = str(self.drive_size)
        return says


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not UNSET}


def _as_set(names: list[str] | UnsetType) -> frozenset[str] | UnsetType:
    return UNSET if isinstance(names, UnsetType) else frozenset(names)


def _is_mime_type(text: str) -> bool:
    return "/" in text and text.isascii() and text.isprintable() and len(text) <= 255


def _milliseconds(moment: datetime | UnsetType) -> int | UnsetType:
    if isinstance(moment, UnsetType):
        return UNSET
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


class ItemSpec(ItemAttributes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item. `path` are the folders from the root (or from the folder `in`) and its own name; a
    folder with an empty path describes the root.

    `size` is for pictures; `text` is the whole content of a text or HTML file. A shortcut whose
    `target` is null points at nothing. `parents` puts a file into other folders than its path says:
    none, or several.
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
    """A folder of these items; the other fields are as in `GeneratedTreeSpec`."""

    name: TreeName
    items: list[ItemSpec]
    title: str | None = None
    seed: Seed = 0
    drive: str | None = None
    owner: str = ""


def parse_explicit_tree(text: str | bytes) -> ExplicitTreeSpec:
    """The tree described by a JSON text; raises `BadTree`, which names the faulty item."""
    spec = decode(text, ExplicitTreeSpec, "tree", BadTree)
    if len(spec.items) > MAX_ITEMS:
        raise BadTree(f"invalid tree: more than {MAX_ITEMS:,} items")
    refs: set[str] = set()
    for number, item in enumerate(spec.items):
        try:
            validate_item(item)
            if item.ref is not None and item.ref in refs:
                raise BadTree(f"another item has the ref {item.ref!r}")
        except BadTree as why:
            raise BadTree(f"invalid tree: {why} - at `$.items[{number}]`") from None
        refs.add(item.ref or "")
    return spec


def validate_item(item: ItemSpec) -> None:
    """Check an item by itself; raises `BadTree`, without the position in the tree."""
    if item.kind not in KINDS:
        raise BadTree(f"a kind is one of {', '.join(KINDS)}")
    item.validate()
    names = item.names
    if not names and (item.kind != "folder" or item.inside):
        raise BadTree("a path needs a name; only the folder [] describes the root")
    if len(names) > MAX_DEPTH or any(len(name) > MAX_NAME_LENGTH for name in names):
        raise BadTree(f"a path has {MAX_DEPTH} names of {MAX_NAME_LENGTH:,} characters at most")
    if item.ref is not None and not 0 < len(item.ref) <= MAX_REF_LENGTH:
        raise BadTree(f"a ref has 1 to {MAX_REF_LENGTH} characters, unlike {item.ref[:40]!r}")
    _validate_content(item)
    is_shortcut = item.kind == "shortcut"
    if is_shortcut and item.target is UNSET:
        raise BadTree("a shortcut needs a target: a ref, a path, an id, or null for none")
    if not is_shortcut and (item.target is not UNSET or item.target_mime_type is not None):
        raise BadTree(f"only a shortcut has a target, and this is a {item.kind}")
    _validate_type(item)


def _validate_content(item: ItemSpec) -> None:
    if item.size is not None and item.kind != "picture":
        raise BadTree(f"only a picture has a size, and this is a {item.kind}")
    if item.text is not None and item.kind not in ("text", "html"):
        raise BadTree(f"only kind text or html has a text, and this is a {item.kind}")
    check_bounds(item.size, item.text)


def check_bounds(size: int | None, text: str | None) -> None:
    """Check the size and the text of a file; raises `BadTree`."""
    if size is not None and not MIN_SIZE <= size <= MAX_SIZE:
        raise BadTree(f"a size is {MIN_SIZE:,} to {MAX_SIZE:,} bytes")
    if text is not None and len(text) > MAX_TEXT_LENGTH:
        raise BadTree(f"a text has {MAX_TEXT_LENGTH:,} characters at most")


def _validate_type(item: ItemSpec) -> None:
    mime_type = item.mime_type
    if isinstance(mime_type, UnsetType):
        return
    if item.kind in ("folder", "shortcut"):
        raise BadTree(f"the MIME type of a {item.kind} cannot be chosen")
    is_native = mime_type.startswith(NATIVE) and mime_type not in (FOLDER, SHORTCUT)
    if (item.kind == "native") != is_native:
        raise BadTree(f"kind native, and only that, has MIME types below {NATIVE}")


def root_name(title: str | None, drive: str | None, name: str) -> str:
    """The name of a tree's root: its title, or else the name of its shared drive or tree."""
    return title or (drive if drive and not DRIVE_ID.fullmatch(drive) else name)


def is_id(text: str) -> bool:
    """Whether it could be an id, and is not a ref."""
    return _ID.fullmatch(text) is not None

"""Trees written down item by item, in JSON: for tests that want exactly this and nothing else."""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from drive_emulator.attributes import LARGEST_TEXT, Attributes, BadTree
from drive_emulator.entry import FOLDER, NATIVE, SHORTCUT
from drive_emulator.kinds import KINDS

MOST_ITEMS = 100_000
DEEPEST = 200  # folders above an item: Drive allows 100
LONGEST_NAME = 100_000  # characters
LONGEST_REF = 18  # Drive has no id so short, so no id is taken for a ref
SMALLEST_SIZE = 4_096  # bytes: the smallest picture of every format and scene fits
LARGEST_SIZE = 2**31
_ID = re.compile(r"[A-Za-z0-9_-]{19,100}")

Pointer = str | list[str]
"""A `ref` of the same tree, the path of an item of it, or the id of anything anywhere."""


class Item(Attributes, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
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


class WrittenSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of these items. `drive` is the name of the shared drive that it is (or an id that
    begins with 0A), `owner` the account that everything belongs to; `seed` gives other ids.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    items: list[Item]
    title: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    drive: str | None = None
    owner: str = ""


def parse_written(text: str | bytes) -> WrittenSpec:
    """The specification in a JSON text; raises `BadTree`, with the place of the fault."""
    try:
        spec = msgspec.json.decode(text, type=WrittenSpec)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BadTree(f"not a tree: {why}") from None
    if len(spec.items) > MOST_ITEMS:
        raise BadTree(f"not a tree: more than {MOST_ITEMS:,} items")
    refs: set[str] = set()
    for number, item in enumerate(spec.items):
        try:
            check_item(item)
            if item.ref is not None and item.ref in refs:
                raise BadTree(f"another item has the ref {item.ref!r}")
        except BadTree as why:
            raise BadTree(f"not a tree: {why} - at `$.items[{number}]`") from None
        refs.add(item.ref or "")
    return spec


def check_item(item: Item) -> None:
    """What can be told of an item alone; raises `BadTree` without the place."""
    if item.kind not in KINDS:
        raise BadTree(f"a kind is one of {', '.join(KINDS)}")
    item.check()
    names = item.names
    if not names and (item.kind != "folder" or item.inside):
        raise BadTree("a path has one name at least: only [] as a folder describes the root")
    if len(names) > DEEPEST or any(len(name) > LONGEST_NAME for name in names):
        raise BadTree(f"a path has {DEEPEST} names of {LONGEST_NAME:,} characters at most")
    if item.ref is not None and not 0 < len(item.ref) <= LONGEST_REF:
        raise BadTree(f"a ref has 1 to {LONGEST_REF} characters: {item.ref[:40]!r} has not")
    _check_bytes(item)
    is_shortcut = item.kind == "shortcut"
    if is_shortcut and item.target is UNSET:
        raise BadTree("a shortcut needs a target: a ref, a path, an id, or null for none")
    if not is_shortcut and (item.target is not UNSET or item.target_mime_type is not None):
        raise BadTree(f"only a shortcut has a target, and this is a {item.kind}")
    _check_type(item)


def _check_bytes(item: Item) -> None:
    if item.size is not None:
        if item.kind != "picture":
            raise BadTree(f"only a picture has a size, and this is a {item.kind}")
        if not SMALLEST_SIZE <= item.size <= LARGEST_SIZE:
            raise BadTree(f"a size is {SMALLEST_SIZE:,} to {LARGEST_SIZE:,} bytes")
    if item.text is not None:
        if item.kind not in ("text", "html"):
            raise BadTree(f"only a text or html has a text, and this is a {item.kind}")
        if len(item.text) > LARGEST_TEXT:
            raise BadTree(f"a text has {LARGEST_TEXT:,} characters at most")


def _check_type(item: Item) -> None:
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

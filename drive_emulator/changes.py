"""Changes of what is there, as JSON says them: `{"do": "replace", "id": …}`."""

from typing import get_args

import msgspec
from msgspec import UNSET

from drive_emulator.attributes import LARGEST_TEXT, Attributes, BadTree
from drive_emulator.written import LARGEST_SIZE, LONGEST_NAME, SMALLEST_SIZE, Item, check_item


class _Change(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True
):
    """`id` is the item that changes."""

    id: str


class Add(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="add", forbid_unknown_fields=True
):
    """A new item in the folder `to`. Its path is one name, the target of a shortcut an id."""

    to: str
    item: Item


class Move(_Change, frozen=True, tag="move"):
    """Into another folder of its tree, or into several, or into none."""

    to: str | list[str]


class Rename(_Change, frozen=True, tag="rename"):
    """The name changes, and nothing else."""

    name: str


class Trash(_Change, frozen=True, tag="trash"):
    """Into the trash, with all that is in it."""


class Untrash(_Change, frozen=True, tag="untrash"):
    """Out of the trash, unless its folder is there."""


class Delete(_Change, frozen=True, tag="delete"):
    """For good, with all that is in it: 404 from now on."""


class Share(_Change, frozen=True, tag="share"):
    """With everybody who has the link, in a private folder too."""


class Unshare(_Change, frozen=True, tag="unshare"):
    """404 for everybody but the owner and those whom it is shared with by name."""


class Replace(_Change, frozen=True, tag="replace"):
    """Other bytes: of the same size where nothing is given, of `size`, or exactly `text`."""

    size: int | None = None
    text: str | None = None


class Set(
    Attributes,
    frozen=True,
    kw_only=True,
    rename="camel",
    tag_field="do",
    tag="set",
    forbid_unknown_fields=True,
):
    """Any attribute of a written item."""

    id: str


Change = Add | Move | Rename | Trash | Untrash | Delete | Share | Unshare | Replace | Set


_DOINGS = tuple(str(each.__struct_config__.tag) for each in get_args(Change))


class BadChange(ValueError):
    """A change that cannot be made; the message says why."""


class NoSuchItem(BadChange):
    """There is nothing of that id."""


def parse_change(text: str | bytes) -> Change:
    """The change in a JSON text; raises `BadChange`."""
    try:
        change: Change = msgspec.json.decode(text, type=Change)
        if isinstance(change, Set):
            change.check()
        elif isinstance(change, Add):
            check_item(change.item)
            _check_new(change.item)
    except (msgspec.DecodeError, UnicodeDecodeError, BadTree) as why:
        which = f": do is one of {', '.join(_DOINGS)}" if "`$.do`" in str(why) else ""
        raise BadChange(f"not a change: {why}{which}") from None
    if isinstance(change, Rename) and len(change.name) > LONGEST_NAME:
        raise BadChange(f"not a change: a name has {LONGEST_NAME:,} characters at most")
    if isinstance(change, Replace):
        _check_bytes(change)
    return change


def _check_new(item: Item) -> None:
    if len(item.names) != 1 or item.inside or item.parents is not UNSET or item.ref:
        raise BadTree("a new item has a path of one name, and no ref, in or parents")
    if isinstance(item.target, list):
        raise BadTree("the target of a new shortcut is an id, or null")


def _check_bytes(change: Replace) -> None:
    if change.size is not None and change.text is not None:
        raise BadChange("not a change: bytes are replaced by a size or a text, not both")
    if change.size is not None and not SMALLEST_SIZE <= change.size <= LARGEST_SIZE:
        raise BadChange(f"not a change: a size is {SMALLEST_SIZE:,} to {LARGEST_SIZE:,} bytes")
    if change.text is not None and len(change.text) > LARGEST_TEXT:
        raise BadChange(f"not a change: a text has {LARGEST_TEXT:,} characters at most")

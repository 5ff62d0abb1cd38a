"""The `orderBy` parameter of files.list."""

import re
from collections.abc import Callable
from typing import Any

from drive_emulator.tree.tree import File

SortKey = Callable[[File], tuple[Any, ...]]

_DIGITS = re.compile(r"(\d+)")


class BadOrder(ValueError):
    """A sort key that Drive does not have."""


class _Descending:
    """Wraps a value so that it sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """`name_natural`: digits count as numbers, so that 2 comes before 12."""
    parts = _DIGITS.split(name.casefold())
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part)


_KEYS: dict[str, Callable[[File], Any]] = {
    "createdTime": lambda file: file.entry.created_ms,
    "folder": lambda file: not file.is_folder,
    "modifiedByMeTime": lambda file: 0,
    "modifiedTime": lambda file: file.entry.modified_ms,
    "name": lambda file: file.entry.name.casefold(),
    "name_natural": lambda file: _natural(file.entry.name),
    "quotaBytesUsed": lambda file: file.entry.blob.size if file.entry.blob else 0,
    "recency": lambda file: max(file.entry.created_ms, file.entry.modified_ms),
    "sharedWithMeTime": lambda file: 0,
    "starred": lambda file: 0,
    "viewedByMeTime": lambda file: 0,
}


def parse_order(text: str) -> SortKey | None:
    """The key to sort files by; None for Drive's own order. Raises `BadOrder`."""
    if not text.strip():
        return None
    keys: list[tuple[Callable[[File], Any], bool]] = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(" ")
        if name not in _KEYS or direction.strip() not in ("", "asc", "desc"):
            raise BadOrder(part.strip())
        keys.append((_KEYS[name], direction.strip() == "desc"))
    return lambda file: tuple(_Descending(key(file)) if down else key(file) for key, down in keys)

"""Parameters of files.list: `orderBy`, and those that say where to search."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drive_emulator.http.errors import ApiError, api_error, invalid
from drive_emulator.tree.tree import File

_CORPORA = frozenset({"", "user", "domain", "drive", "allDrives"})
_SPACES = frozenset({"", "drive", "appDataFolder"})


@dataclass(frozen=True)
class Corpus:
    """`all_drives` includes shared drives; with `drive_id`, only that one is searched.

    `app_data` is the appDataFolder space, which is always empty. `parameters` are those of the
    request, to which page tokens are bound.
    """

    all_drives: bool = False
    drive_id: str = ""
    app_data: bool = False
    parameters: tuple[str, ...] = ()


def supports_all_drives(params: Mapping[str, str]) -> bool:
    """`supportsAllDrives` or its older name; without it, shared drives are invisible."""
    return _is_true(params, "supportsAllDrives") or _is_true(params, "supportsTeamDrives")


def read_corpus(params: Mapping[str, str]) -> Corpus:
    """Read the parameters and check them against each other; raises `ApiError` as Google does."""
    corpora, spaces = params.get("corpora", ""), params.get("spaces", "")
    drive_id = params.get("driveId") or params.get("teamDriveId") or ""
    if corpora not in _CORPORA:
        raise invalid("corpora")
    if spaces not in _SPACES:
        raise invalid("spaces")
    if bool(drive_id) is not (corpora == "drive"):
        # Source: googleapis/google-api-php-client#1825.
        message = "The driveId parameter must be specified if and only if corpora is set to drive."
        raise api_error(400, "teamDriveIdRequiresTeamDriveCorpora", message)
    include = _is_true(params, "includeItemsFromAllDrives")
    include = include or _is_true(params, "includeTeamDriveItems")
    if corpora in ("drive", "allDrives") and not include:
        # Status and message are from nithinmurali/pygsheets#437; the reason is a guess.
        message = (
            "The includeItemsFromAllDrives parameter must be set to true when driveId is specified"
            " or corpora contains drive or allDrives."
        )
        raise api_error(403, "teamDriveItemsRequired", message)
    return Corpus(
        all_drives=include and supports_all_drives(params),
        drive_id=drive_id,
        app_data=spaces == "appDataFolder",
        parameters=(corpora, spaces, drive_id),
    )


def _is_true(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "").lower() == "true"


def drive_not_found(drive_id: str) -> ApiError:
    message = f"Shared drive not found: {drive_id}"
    return api_error(404, "notFound", message, ("parameter", "driveId"))


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

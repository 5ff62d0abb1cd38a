"""Where a listing searches: `corpora`, `driveId`, `spaces` and the two shared drive flags."""

from collections.abc import Mapping
from dataclasses import dataclass

from drive_emulator.http.errors import ApiError, api_error, invalid

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
    """404 for an unknown shared drive."""
    message = f"Shared drive not found: {drive_id}"
    return api_error(404, "notFound", message, ("parameter", "driveId"))

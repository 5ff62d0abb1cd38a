"""Where a listing looks: `corpora`, `driveId`, `spaces`, and the two flags of shared drives."""

from collections.abc import Mapping
from dataclasses import dataclass

from drive_emulator.http.errors import ApiError, classic, invalid

_CORPORA = frozenset({"", "user", "domain", "drive", "allDrives"})
_SPACES = frozenset({"", "drive", "appDataFolder"})


@dataclass(frozen=True)
class Where:
    """`all_drives`: shared drives too; `drive_id`: that one and nothing else."""

    all_drives: bool = False
    drive_id: str = ""
    nowhere: bool = False  # a space that nobody has put anything into
    named: tuple[str, ...] = ()  # the parameters as they were, to bind page tokens to


def supports_all_drives(params: Mapping[str, str]) -> bool:
    """`supportsAllDrives`, or its older name: without it nothing of a shared drive is there."""
    return _is_true(params, "supportsAllDrives") or _is_true(params, "supportsTeamDrives")


def read_where(params: Mapping[str, str]) -> Where:
    """Checks them against each other; raises `ApiError` as Google does."""
    corpora, spaces = params.get("corpora", ""), params.get("spaces", "")
    drive_id = params.get("driveId") or params.get("teamDriveId") or ""
    if corpora not in _CORPORA:
        raise invalid("corpora")
    if spaces not in _SPACES:
        raise invalid("spaces")
    if bool(drive_id) is not (corpora == "drive"):
        raise _one_without_the_other()
    include = _is_true(params, "includeItemsFromAllDrives")
    include = include or _is_true(params, "includeTeamDriveItems")
    if corpora in ("drive", "allDrives") and not include:
        raise _not_included()
    return Where(
        all_drives=include and supports_all_drives(params),
        drive_id=drive_id,
        nowhere=spaces == "appDataFolder",
        named=(corpora, spaces, drive_id),
    )


def _is_true(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "").lower() == "true"


def _one_without_the_other() -> ApiError:
    """Source: googleapis/google-api-php-client#1825."""
    message = "The driveId parameter must be specified if and only if corpora is set to drive."
    return ApiError(400, classic(400, "teamDriveIdRequiresTeamDriveCorpora", message))


def _not_included() -> ApiError:
    """The status and the message are from nithinmurali/pygsheets#437, the reason is a guess."""
    message = (
        "The includeItemsFromAllDrives parameter must be set to true when driveId is specified"
        " or corpora contains drive or allDrives."
    )
    return ApiError(403, classic(403, "teamDriveItemsRequired", message))


def no_such_drive(drive_id: str) -> ApiError:
    """404 for a shared drive that is not there."""
    message = f"Shared drive not found: {drive_id}"
    return ApiError(404, classic(404, "notFound", message, ("parameter", "driveId")))

"""The files of an import."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

FileState = Literal["pending", "stored", "unchanged", "failed", "skipped"]
FILE_STATES: tuple[FileState, ...] = get_args(FileState)


class ImportFile(Struct, frozen=True, kw_only=True):
    """One file of one import. `reason` is a code: why the file failed, or why it was skipped."""

    google_drive_id: str
    name: str
    path: str
    state: FileState
    reason: str | None
    message: str | None
    size: int | None
    mime_type: str
    round: int
    attempts: int
    object_key: str | None
    updated_at: datetime | None


class FileDetails(ImportFile, frozen=True, kw_only=True):
    """A file with everything that is known of it. `outcomes` says where the records of its newest
    outcomes lie in the log, each as `TOPIC/PARTITION/OFFSET`."""

    folder_id: str
    md5: str | None
    sha256: str | None
    drive_version: int | None
    seconds: float | None
    outcomes: Sequence[str]


class ManifestRow(Struct, frozen=True, kw_only=True):
    """One file of one import, as a proof of what was done with it. `size` is what was stored, or
    else what Drive says. An object that was there already was not read; its `sha256` is then that
    of the import which stored it, or Drive's, or null. `content_type` is what the object is by its
    bytes, where `mime_type` is what Drive says; null if there is no object, or if the image has
    another one by now."""

    google_drive_id: str
    name: str
    path: str
    state: FileState
    reason: str | None
    message: str | None
    size: int | None
    mime_type: str
    md5: str | None
    sha256: str | None
    object_key: str | None
    round: int
    attempts: int
    updated_at: datetime | None
    content_type: str | None

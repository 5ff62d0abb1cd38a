"""A file as Drive's JSON shows it, field by field: only what a mask asks for is computed."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from drive_emulator.drive_api.export_formats import export_links
from drive_emulator.fields.mask import Mask, apply_mask
from drive_emulator.tree.tree import File

Make = Callable[[File], Any]  # None: the field is absent from this file

_CAMERAS = (
    ("FUJIFILM", "X-T5"),
    ("Apple", "iPhone 15"),
    ("Canon", "EOS R6"),
    ("Google", "Pixel 9"),
)


def rfc3339(milliseconds: int) -> str:
    """`2025-07-14T18:32:12.000Z`, from UTC milliseconds since 1970."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def projection(mask: Mask) -> Callable[[File], dict[str, Any]]:
    """From a file to its JSON object; an empty mask gives every field that it has."""
    if not mask:
        chosen = [(name, make, mask) for name, make in FIELDS.items()]
    else:
        chosen = [(name, make, mask[name]) for name, make in FIELDS.items() if name in mask]

    def project(file: File) -> dict[str, Any]:
        made = {}
        for name, make, below in chosen:
            value = make(file)
            if value is not None:
                made[name] = apply_mask(value, below) if below else value
        extras = file.entry.extras
        if extras.says:
            told = {name: value for name, value in extras.says.items() if not mask or name in mask}
            made |= {name: apply_mask(value, mask.get(name, {})) for name, value in told.items()}
        for name in extras.omit:
            made.pop(name, None)
        return made

    return project


def _hash(file: File) -> int:
    return file.ordinal * 2_654_435_761 % 2**32 ^ file.tree.key


def _size(file: File) -> str | None:
    return str(file.entry.blob.size) if file.entry.blob else None


def _extension(file: File) -> str | None:
    if file.entry.blob is None:
        return None
    return file.entry.name.rpartition(".")[2] if "." in file.entry.name else ""


def _image(file: File) -> dict[str, Any] | None:
    blob = file.entry.blob
    if blob is None or not blob.is_image or not blob.contents.width:
        return None
    make, model = _CAMERAS[_hash(file) % len(_CAMERAS)]
    taken = datetime.fromtimestamp(file.entry.modified_ms / 1000, UTC)
    facts: dict[str, Any] = {
        "width": blob.contents.width,
        "height": blob.contents.height,
        "rotation": 0,
        "time": f"{taken:%Y:%m:%d %H:%M:%S}",
        "cameraMake": make,
        "cameraModel": model,
    }
    if file.entry.location:
        latitude, longitude = file.entry.location
        spread = (_hash(file) % 1000 - 500) / 100_000
        facts["location"] = {
            "latitude": round(latitude + spread, 6),
            "longitude": round(longitude - spread, 6),
            "altitude": 0,
        }
    return facts


def _view_link(file: File) -> str:
    if file.is_folder:
        return f"https://drive.google.com/drive/folders/{file.id}"
    return f"https://drive.google.com/file/d/{file.id}/view?usp=drivesdk"


def _content_link(file: File) -> str | None:
    return f"https://drive.google.com/uc?id={file.id}&export=download" if file.entry.blob else None


def _revision(file: File) -> str | None:
    if file.entry.blob is None:
        return None
    return "0B" + blake2b(file.tag, digest_size=24).hexdigest() + "PQ"


def _capabilities(file: File) -> dict[str, bool]:
    return {
        "canCopy": not file.is_folder,
        "canDownload": file.entry.extras.can_download,
        "canEdit": False,
        "canListChildren": file.is_folder,
        "canReadRevisions": False,
    }


def _shortcut(file: File) -> dict[str, str] | None:
    target = file.entry.extras.target
    if target is None:
        return None
    facts = {"targetId": target.id, "targetMimeType": target.mime_type}
    return facts | ({"targetResourceKey": target.resource_key} if target.resource_key else {})


def _restrictions(file: File) -> dict[str, dict[str, bool]] | None:
    if file.entry.extras.can_download:
        return None
    whom = {"restrictedForReaders": True, "restrictedForWriters": False}
    return {"itemDownloadRestriction": whom, "effectiveDownloadRestrictionWithContext": whom}


def _blob(make: Make) -> Make:
    return lambda file: make(file) if file.entry.blob else None


def _explicitly_trashed(file: File) -> bool:
    return file.entry.trashed and file.tree.own(file.ordinal).trashed


def _version(file: File) -> str:
    return str(2 + _hash(file) % 9 + file.entry.extras.changes)


FIELDS: dict[str, Make] = {
    "kind": lambda file: "drive#file",
    "id": lambda file: file.id,
    "name": lambda file: file.entry.name,
    "mimeType": lambda file: file.entry.mime_type,
    "starred": lambda file: False,
    "trashed": lambda file: file.entry.trashed,
    "explicitlyTrashed": _explicitly_trashed,
    "parents": lambda file: list(file.parent_ids) or None,
    "properties": lambda file: {"theme": file.entry.theme} if file.entry.theme else None,
    "spaces": lambda file: ["drive"],
    "version": _version,
    "webContentLink": _content_link,
    "webViewLink": _view_link,
    "hasThumbnail": lambda file: False,
    "viewedByMe": lambda file: False,
    "createdTime": lambda file: rfc3339(file.entry.created_ms),
    "modifiedTime": lambda file: rfc3339(file.entry.modified_ms),
    "modifiedByMe": lambda file: False,
    "shared": lambda file: file.entry.shared,
    "driveId": lambda file: file.drive_id,
    "teamDriveId": lambda file: file.drive_id,
    "resourceKey": lambda file: file.entry.extras.resource_key,
    "shortcutDetails": _shortcut,
    "ownedByMe": lambda file: False,
    "capabilities": _capabilities,
    "viewersCanCopyContent": lambda file: file.entry.extras.can_download,
    "copyRequiresWriterPermission": lambda file: not file.entry.extras.can_download,
    "downloadRestrictions": _restrictions,
    "writersCanShare": lambda file: True,
    "originalFilename": _blob(lambda file: file.entry.name),
    "fullFileExtension": _extension,
    "fileExtension": _extension,
    "md5Checksum": lambda file: file.checksum("md5"),
    "sha1Checksum": lambda file: file.checksum("sha1"),
    "sha256Checksum": lambda file: file.checksum("sha256"),
    "size": _size,
    "quotaBytesUsed": lambda file: _size(file) or "0",
    "headRevisionId": _revision,
    "imageMediaMetadata": _image,
    "exportLinks": export_links,
    "isAppAuthorized": lambda file: False,
    "linkShareMetadata": lambda file: {
        "securityUpdateEligible": False,
        "securityUpdateEnabled": True,
    },
}

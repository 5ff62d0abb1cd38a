"""A file as Drive's JSON. Only the fields that a mask asks for are computed."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from drive_emulator.drive_api.export_formats import export_links
from drive_emulator.fields.mask import Mask, apply_mask
from drive_emulator.tree.tree import File

Field = Callable[[File], Any]  # None: the file does not have the field

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


def file_json(mask: Mask, thumbnail_link: Field | None = None) -> Callable[[File], dict[str, Any]]:
    """A function from a file to its JSON object; an empty mask gives every field that it has.

    Without `thumbnail_link` there are no links to thumbnails.
    """
    links = {"thumbnailLink": thumbnail_link} if thumbnail_link else {}
    chosen = [
        (name, value_of, mask.get(name, {}))
        for name, value_of in (FIELDS | links).items()
        if not mask or name in mask
    ]

    def describe(file: File) -> dict[str, Any]:
        body = {}
        for name, value_of, below in chosen:
            value = value_of(file)
            if value is not None:
                body[name] = apply_mask(value, below) if below else value
        extras = file.entry.extras
        for name, value in extras.says.items():
            if not mask or name in mask:
                body[name] = apply_mask(value, mask.get(name, {}))
        for name in extras.omit:
            body.pop(name, None)
        return body

    return describe


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
    if blob is None or not blob.is_image or not blob.rendered.width:
        return None
    make, model = _CAMERAS[_hash(file) % len(_CAMERAS)]
    taken = datetime.fromtimestamp(file.entry.modified_ms / 1000, UTC)
    facts: dict[str, Any] = {
        "width": blob.rendered.width,
        "height": blob.rendered.height,
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
    scope = {"restrictedForReaders": True, "restrictedForWriters": False}
    return {"itemDownloadRestriction": scope, "effectiveDownloadRestrictionWithContext": scope}


def _explicitly_trashed(file: File) -> bool:
    return file.entry.trashed and file.tree.own(file.ordinal).trashed


def _version(file: File) -> str:
    return str(2 + _hash(file) % 9 + file.entry.extras.changes)


FIELDS: dict[str, Field] = {
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
    "hasThumbnail": lambda file: bool(file.entry.blob and file.entry.blob.painting),
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
    "originalFilename": lambda file: file.entry.name if file.entry.blob else None,
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

"""about, drives and changes: what Drive tells an account. An API key alone gets 401."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from drive_emulator.drive_api.backend import Backend, ChangeRecord
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.export_formats import FORMATS, IMPORTS
from drive_emulator.drive_api.file_resource import file_json, rfc3339
from drive_emulator.drive_api.list_params import drive_not_found
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import Schema, apply_mask, parse_mask, read_fields
from drive_emulator.fields.schema import FILE, plain
from drive_emulator.http.errors import (
    api_error,
    invalid,
    invalid_parameter,
    missing_parameter,
    named_error,
)
from drive_emulator.tree.tree import File

_GIB = 1024**3
_USAGES = ("usage", "usageInDrive", "usageInDriveTrash")


_DRIVE: Schema = {
    **plain("colorRgb createdTime hidden id kind name themeId"),
    "capabilities": None,
    "restrictions": None,
}
_DRIVES: Schema = {**plain("kind nextPageToken"), "drives": _DRIVE}
_ABOUT: Schema = {
    **plain("appInstalled canCreateDrives canCreateTeamDrives driveThemes folderColorPalette"),
    **plain("kind maxUploadSize teamDriveThemes"),
    **dict.fromkeys(("exportFormats", "importFormats", "maxImportSizes")),
    "storageQuota": plain("limit usage usageInDrive usageInDriveTrash"),
    "user": plain("displayName emailAddress kind me permissionId photoLink"),
}
_CHANGED_FILE = parse_mask(
    "kind,id,name,mimeType,parents,trashed,driveId,modifiedTime,version,resourceKey"
)
_START: Schema = plain("kind startPageToken")
_CHANGES: Schema = {
    **plain("kind newStartPageToken nextPageToken"),
    "changes": {
        **plain("changeType driveId fileId kind removed time type"),
        "drive": _DRIVE,
        "file": FILE,
    },
}


def routes(backend: Backend) -> list[Route]:
    accounts = AccountEndpoints(backend)
    changes = "/drive/v3/changes"
    return [
        Route("GET", "/drive/v3/about", "about", accounts.about),
        Route("GET", "/drive/v3/drives", "drives", accounts.drives),
        Route("GET", "/drive/v3/drives/{driveId}", "drives", accounts.drive),
        Route("GET", f"{changes}/startPageToken", "changes", accounts.start),
        Route("GET", changes, "changes", accounts.changes),
    ]


class AccountEndpoints:
    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._changes = backend.changes

    async def about(self, context: RequestContext) -> None:
        """The account, and the formats that exist. `fields` is required here and nowhere else."""
        if not context.request.params.get("fields"):
            message = "The 'fields' parameter is required for this method."
            raise api_error(400, "required", message, ("parameter", "fields"))
        await _send(context, _about(_account(context)), _ABOUT)

    async def drives(self, context: RequestContext) -> None:
        """Every shared drive that the account can see, on one page."""
        _account(context)
        _page_size(context, 10, 100)
        found = [_drive(root) for root in self._roots(context)]
        await _send(context, {"kind": "drive#driveList", "drives": found}, _DRIVES)

    async def drive(self, context: RequestContext) -> None:
        _account(context)
        wanted = context.names[0]
        for root in self._roots(context):
            if root.drive_id == wanted:
                return await _send(context, _drive(root), _DRIVE)
        raise drive_not_found(wanted[:100])

    async def start(self, context: RequestContext) -> None:
        """A token from which changes that happen later can be read."""
        _account(context)
        token = str(self._changes.next_number)
        await _send(context, {"kind": "drive#startPageToken", "startPageToken": token}, _START)

    async def changes(self, context: RequestContext) -> None:
        """The changes since a token, oldest first, and the token to continue with."""
        _account(context)
        size = _page_size(context, 100, 1_000)
        token = context.request.params.get("pageToken", "")
        if not token:
            raise missing_parameter("pageToken")
        records = self._changes.since(token, size)
        if records is None:
            raise invalid("pageToken")
        after = records[-1].number + 1 if records else self._changes.next_number
        more = after < self._changes.next_number
        body = {
            "kind": "drive#changeList",
            "nextPageToken" if more else "newStartPageToken": str(after),
            "changes": [self._change(each, context) for each in records],
        }
        await _send(context, body, _CHANGES)

    def _change(self, record: ChangeRecord, context: RequestContext) -> dict[str, Any]:
        """A file that the account cannot see, or no longer, is shown as removed."""
        file = self._store.find(record.file_id)
        change = {
            "kind": "drive#change",
            "type": "file",
            "changeType": "file",
            "time": rfc3339(round(record.at * 1000)),
            "fileId": record.file_id,
        }
        if file is None or not self._store.visible(file, context.caller, all_drives=True):
            return change | {"removed": True}
        return change | {"removed": False, "file": file_json(_CHANGED_FILE)(file)}

    def _roots(self, context: RequestContext) -> list[File]:
        roots = (File(tree, 0) for tree in self._store.trees if tree.drive_id)
        return [root for root in roots if self._store.listed(root, context.caller, all_drives=True)]


def _account(context: RequestContext) -> str:
    if not context.caller.account:
        raise named_error("loginRequired")
    return context.caller.account


def _page_size(context: RequestContext, default: int, limit: int) -> int:
    text = context.request.params.get("pageSize", str(default))
    if not text.isdecimal() or not 1 <= int(text[:10]) <= limit:
        message = f"Invalid value '{text[:40]}'. Values must be within the range: [1, {limit}]"
        raise invalid_parameter("pageSize", message)
    return int(text)


async def _send(context: RequestContext, value: Mapping[str, Any], schema: Schema) -> None:
    mask = read_fields(context.request.params.get("fields") or "*", schema)
    await context.send_json(apply_mask(value, mask))


def _about(account: str) -> dict[str, Any]:
    number = int.from_bytes(blake2b(account.encode(), digest_size=8).digest())
    return {
        "kind": "drive#about",
        "user": {
            "kind": "drive#user",
            "displayName": account.partition("@")[0],
            "me": True,
            "permissionId": f"{number:020d}",
            "emailAddress": account,
        },
        "storageQuota": {"limit": str(15 * _GIB), **dict.fromkeys(_USAGES, "0")},
        "importFormats": IMPORTS,
        "exportFormats": FORMATS,
        "maxImportSizes": {each: "10485760" for each in FORMATS},
        "maxUploadSize": "5242880000000",
        "appInstalled": False,
        "folderColorPalette": ["#ac725e", "#d06b64", "#f83a22", "#fa573c"],
        "canCreateDrives": False,
        "canCreateTeamDrives": False,
    }


def _drive(root: File) -> dict[str, Any]:
    return {
        "kind": "drive#drive",
        "id": root.drive_id,
        "name": root.tree.drive.name if root.tree.drive else root.entry.name,
        "hidden": False,
        "capabilities": {"canListChildren": True, "canDownload": True, "canEdit": False},
    }

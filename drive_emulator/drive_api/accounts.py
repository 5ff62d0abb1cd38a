"""about, drives and changes: what Drive tells somebody who has logged in."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.corpora import no_such_drive
from drive_emulator.drive_api.export_formats import FORMATS, IMPORTS
from drive_emulator.drive_api.exports import required
from drive_emulator.drive_api.file_resource import projection, rfc3339
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import BadMask, Schema, apply_mask, parse_mask, resolve
from drive_emulator.fields.schema import FILE
from drive_emulator.http.errors import (
    ApiError,
    bad_fields,
    classic,
    invalid,
    invalid_parameter,
    login_required,
)
from drive_emulator.tree.change_log import ChangeRecord
from drive_emulator.tree.tree import File

_GIB = 1024**3


def _names(text: str) -> Schema:
    return {name: {} for name in text.split()}


_DRIVE: Schema = {
    **_names("colorRgb createdTime hidden id kind name themeId"),
    "capabilities": None,
    "restrictions": None,
}
_DRIVES: Schema = {**_names("kind nextPageToken"), "drives": _DRIVE}
_ABOUT: Schema = {
    **_names("appInstalled canCreateDrives canCreateTeamDrives driveThemes folderColorPalette"),
    **_names("kind maxUploadSize teamDriveThemes"),
    **dict.fromkeys(("exportFormats", "importFormats", "maxImportSizes")),
    "storageQuota": _names("limit usage usageInDrive usageInDriveTrash"),
    "user": _names("displayName emailAddress kind me permissionId photoLink"),
}
_BRIEF = parse_mask(
    "kind,id,name,mimeType,parents,trashed,driveId,modifiedTime,version,resourceKey"
)
_START: Schema = _names("kind startPageToken")
_CHANGES: Schema = {
    **_names("kind newStartPageToken nextPageToken"),
    "changes": {
        **_names("changeType driveId fileId kind removed time type"),
        "drive": _DRIVE,
        "file": FILE,
    },
}


def routes(state: State) -> list[Route]:
    """Where the handlers of this module answer."""
    accounts = AccountEndpoints(state)
    changes = "/drive/v3/changes"
    return [
        Route("GET", "/drive/v3/about", "about", accounts.about),
        Route("GET", "/drive/v3/drives", "drives", accounts.drives),
        Route("GET", "/drive/v3/drives/{driveId}", "drives", accounts.drive),
        Route("GET", f"{changes}/startPageToken", "changes", accounts.start),
        Route("GET", changes, "changes", accounts.changes),
    ]


class AccountEndpoints:
    """Whoever has a key alone is told to log in."""

    def __init__(self, state: State) -> None:
        self._store = state.store
        self._changes = state.changes

    async def about(self, context: RequestContext) -> None:
        """Who asks, and which formats there are. Without `fields` it is 400, as nowhere else."""
        if not context.request.params.get("fields"):
            message = "The 'fields' parameter is required for this method."
            raise ApiError(400, classic(400, "required", message, ("parameter", "fields")))
        account = _account(context)
        await _answer(context, _about(account), _ABOUT)

    async def drives(self, context: RequestContext) -> None:
        """Every shared drive that the account can see, on one page."""
        _account(context)
        _page_size(context, 10, 100)
        found = [_drive(root) for root in self._roots(context)]
        await _answer(context, {"kind": "drive#driveList", "drives": found}, _DRIVES)

    async def drive(self, context: RequestContext) -> None:
        """One of them."""
        _account(context)
        wanted = context.names[0]
        for root in self._roots(context):
            if root.drive_id == wanted:
                return await _answer(context, _drive(root), _DRIVE)
        raise no_such_drive(wanted[:100])

    async def start(self, context: RequestContext) -> None:
        """The token of now: what changes later comes behind it."""
        _account(context)
        token = str(self._changes.next_number)
        answer = {"kind": "drive#startPageToken", "startPageToken": token}
        await _answer(context, answer, _START)

    async def changes(self, context: RequestContext) -> None:
        """What changed since a token, oldest first, and the token to go on with."""
        _account(context)
        size = _page_size(context, 100, 1_000)
        token = context.request.params.get("pageToken", "")
        if not token:
            raise required("pageToken")
        notes = self._changes.since(token, size)
        if notes is None:
            raise invalid("pageToken")
        after = notes[-1].number + 1 if notes else self._changes.next_number
        more = after < self._changes.next_number
        answer = {
            "kind": "drive#changeList",
            "nextPageToken" if more else "newStartPageToken": str(after),
            "changes": [self._change(each, context) for each in notes],
        }
        await _answer(context, answer, _CHANGES)

    def _change(self, note: ChangeRecord, context: RequestContext) -> dict[str, Any]:
        """A file that the account cannot see, or not any more, was removed for it."""
        file = self._store.find(note.file_id)
        told = {
            "kind": "drive#change",
            "type": "file",
            "changeType": "file",
            "time": rfc3339(round(note.at * 1000)),
            "fileId": note.file_id,
        }
        if file is None or not self._store.visible(file, context.caller, all_drives=True):
            return told | {"removed": True}
        return told | {"removed": False, "file": projection(_BRIEF)(file)}

    def _roots(self, context: RequestContext) -> list[File]:
        roots = (self._store.file(tree, 0) for tree in self._store.trees if tree.drive_id)
        return [root for root in roots if self._store.listed(root, context.caller, all_drives=True)]


def _account(context: RequestContext) -> str:
    """Who asks; raises `ApiError` 401 for the holder of a mere key."""
    if not context.caller.account:
        raise login_required()
    return context.caller.account


def _page_size(context: RequestContext, usual: int, most: int) -> int:
    text = context.request.params.get("pageSize", str(usual))
    if not text.isdecimal() or not 1 <= int(text[:10]) <= most:
        message = f"Invalid value '{text[:40]}'. Values must be within the range: [1, {most}]"
        raise invalid_parameter("pageSize", message)
    return int(text)


async def _answer(context: RequestContext, value: Mapping[str, Any], schema: Schema) -> None:
    fields = context.request.params.get("fields") or "*"
    try:
        mask = resolve(parse_mask(fields), schema)
    except BadMask as why:
        raise bad_fields(str(why)) from None
    await context.answer(apply_mask(value, mask))


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
        "storageQuota": {
            "limit": str(15 * _GIB),
            "usage": "0",
            "usageInDrive": "0",
            "usageInDriveTrash": "0",
        },
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

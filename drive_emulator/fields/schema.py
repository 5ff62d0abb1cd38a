"""The fields that exist in the responses of files.get and files.list.

Source: the discovery document of drive v3, revision 20261106. `{}` is a plain value; None is a map
with arbitrary keys.
"""

from drive_emulator.fields.mask import Schema


def plain(names: str) -> dict[str, Schema | None]:
    return {name: {} for name in names.split()}


_USER = plain("displayName emailAddress kind me permissionId photoLink")
_RESTRICTION = plain("restrictedForReaders restrictedForWriters")
_PERMISSION = {
    **plain(
        "allowFileDiscovery deleted displayName domain emailAddress expirationTime id"
        " inheritedPermissionsDisabled kind pendingOwner photoLink role type view"
    ),
    "permissionDetails": plain("inherited inheritedFrom permissionType role"),
    "teamDrivePermissionDetails": plain("inherited inheritedFrom role teamDrivePermissionType"),
}
_CAPABILITIES = plain(
    "canAcceptOwnership canAccessViaGenAi canAddChildren canAddFolderFromAnotherDrive"
    " canAddMyDriveParent canChangeCopyRequiresWriterPermission canChangeItemDownloadRestriction"
    " canChangeSecurityUpdateEnabled canChangeViewersCanCopyContent canComment canCopy canDelete"
    " canDeleteChildren canDisableInheritedPermissions canDownload canEdit"
    " canEnableInheritedPermissions canListChildren canModifyContent canModifyContentRestriction"
    " canModifyEditorContentRestriction canModifyLabels canModifyOwnerContentRestriction"
    " canMoveChildrenOutOfDrive canMoveChildrenOutOfTeamDrive canMoveChildrenWithinDrive"
    " canMoveChildrenWithinTeamDrive canMoveItemIntoTeamDrive canMoveItemOutOfDrive"
    " canMoveItemOutOfTeamDrive canMoveItemWithinDrive canMoveItemWithinTeamDrive"
    " canMoveTeamDriveItem canReadDrive canReadLabels canReadRevisions canReadTeamDrive"
    " canRemoveChildren canRemoveContentRestriction canRemoveMyDriveParent canRename canShare"
    " canStartApproval canTrash canTrashChildren canUntrash"
)
_IMAGE = {
    **plain(
        "aperture cameraMake cameraModel colorSpace exposureBias exposureMode exposureTime"
        " flashUsed focalLength height isoSpeed lens maxApertureValue meteringMode rotation"
        " sensor subjectDistance time whiteBalance width"
    ),
    "location": plain("altitude latitude longitude"),
}

FILE: Schema = {
    **plain(
        "copyRequiresWriterPermission createdTime description driveId explicitlyTrashed"
        " fileExtension folderColorRgb fullFileExtension hasAugmentedPermissions hasThumbnail"
        " headRevisionId iconLink id inheritedPermissionsDisabled isAppAuthorized kind"
        " md5Checksum mimeType modifiedByMe modifiedByMeTime modifiedTime name originalFilename"
        " ownedByMe parents permissionIds quotaBytesUsed resourceKey sha1Checksum"
        " sha256Checksum shared sharedWithMeTime size spaces starred teamDriveId thumbnailLink"
        " thumbnailVersion trashed trashedTime version viewedByMe viewedByMeTime"
        " viewersCanCopyContent webContentLink webViewLink writersCanShare"
    ),
    "appProperties": None,
    "properties": None,
    "exportLinks": None,
    "capabilities": _CAPABILITIES,
    "clientEncryptionDetails": {"decryptionMetadata": None, "encryptionState": {}},
    "contentHints": {"indexableText": {}, "thumbnail": plain("image mimeType")},
    "contentRestrictions": {
        **plain("ownerRestricted readOnly reason restrictionTime systemRestricted type"),
        "restrictingUser": _USER,
    },
    "downloadRestrictions": {
        "effectiveDownloadRestrictionWithContext": _RESTRICTION,
        "itemDownloadRestriction": _RESTRICTION,
    },
    "imageMediaMetadata": _IMAGE,
    "labelInfo": {"labels": None},
    "lastModifyingUser": _USER,
    "linkShareMetadata": plain("securityUpdateEligible securityUpdateEnabled"),
    "owners": _USER,
    "permissions": _PERMISSION,
    "sharingUser": _USER,
    "shortcutDetails": plain("targetId targetMimeType targetResourceKey"),
    "trashingUser": _USER,
    "videoMediaMetadata": plain("durationMillis height width"),
}

FILE_LIST: Schema = {"kind": {}, "incompleteSearch": {}, "nextPageToken": {}, "files": FILE}

DEFAULT_FILE = "kind,id,name,mimeType,resourceKey"
DEFAULT_LIST = f"kind,incompleteSearch,nextPageToken,files({DEFAULT_FILE})"

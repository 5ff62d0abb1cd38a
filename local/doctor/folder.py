"""One folder: its link, what can be seen in it, and what cannot."""

from collections.abc import Sequence

from local.doctor.client import Answer, DriveClient, keys
from local.doctor.drive import UNEXPECTED, judged, meaning
from local.doctor.findings import Finding, note, wrong
from local.doctor.listing import Entry, Listing, can, kinds, latency, listed, text
from services.core.folder_link import ID, FolderLink, NotAFolderLinkError, parse_folder_link
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE

MAX_CHECKED = 8
ABOUT = "id,name,mimeType,trashed,driveId,resourceKey,capabilities(canListChildren)"
SHARE = (
    "In Drive, share it with “Anyone with the link” and paste the whole link, including its "
    "resourcekey, or share it with the service account."
)


def parsed(link: str) -> tuple[FolderLink | None, Sequence[Finding]]:
    """The folder of a link. Its resource key is a secret, so it is not shown."""
    try:
        known = parse_folder_link(link)
    except NotAFolderLinkError as why:
        return None, [wrong("Link", f"This is not a folder link ({why.code}).", str(why))]
    key = "given" if known.resource_key else "none (only older links have one)"
    return known, [
        Finding(check="Folder id", seen=known.folder_id),
        Finding(check="Resource key", seen=key),
        note(
            "Before you share this",
            "Anyone with this id can open a folder that is shared by link.",
        ),
    ]


def folder(
    client: DriveClient, link: FolderLink, *, account: bool
) -> tuple[Listing | None, list[Finding]]:
    """The folder itself, then its first pages and what they show."""
    headers = keys((link.folder_id, link.resource_key))
    answer = client.get(link.folder_id, {"fields": ABOUT}, headers=headers)
    if not answer.ok or not answer.document():
        return None, [_refused("Folder", answer, account=account)]
    found = _about(answer.document(), link)
    if any(finding.state == "wrong" for finding in found):
        return None, found
    listing = listed(client, link)
    if not listing.pages[0].ok or not listing.pages[0].document():
        return None, [*found, _refused("List", listing.pages[0], account=account)]
    found += _counted(listing)
    found += _unseen(client, listing)
    return listing, [*found, _download(client, listing, account=account)]


def _refused(check: str, answer: Answer, *, account: bool) -> Finding:
    finding = judged(answer, check, "folder", account=account)
    return wrong(check, finding.seen, SHARE) if answer.status == 404 else finding


def _about(entry: Entry, link: FolderLink) -> list[Finding]:
    mime_type = text(entry, "mimeType")
    if mime_type != FOLDER_TYPE:
        shortcut = "a shortcut. Open it, and paste the link of the folder it opens"
        other = f"{mime_type[:80] or 'no known type'}, not a folder. Paste the link of its folder"
        seen = shortcut if mime_type == SHORTCUT_TYPE else other
        return [wrong("Folder", f"The link opens {seen}.", "Paste another link.")]
    found = [Finding(check="Folder", seen=f"“{text(entry, 'name')[:80]}”{_drive(entry)}")]
    if entry.get("trashed") is True:
        found.append(wrong("Trash", "The folder is in the trash.", "Ask the owner to restore it."))
    if text(entry, "resourceKey") and not link.resource_key:
        seen = "The folder has one, but the link does not. Drive opened the folder anyway."
        found.append(
            note(
                "Resource key",
                seen,
                "If files are not found, paste the link with its resource key.",
            )
        )
    if not can(entry, "canListChildren"):
        found.append(wrong("List", "The folder is visible, but its entries are not.", SHARE))
    return found


def _drive(entry: Entry) -> str:
    return ", in a shared drive" if text(entry, "driveId") else ""


def _counted(listing: Listing) -> list[Finding]:
    pages = f"{len(listing.pages)} page{'s' if len(listing.pages) > 1 else ''}"
    more = " (there are more)" if listing.more else ""
    found = [Finding(check="Entries", seen=f"{len(listing.entries):,} on {pages}{more}")]
    found += [
        Finding(check="of these", seen=f"{kind}: {number:,}")
        for kind, number in kinds(listing).items()
    ]
    if listing.incomplete:
        todo = "An import lists the folder again, and reports it if it is still incomplete."
        found.append(note("Incomplete", "Google marked the list as incomplete.", todo))
    if not listing.entries:
        todo = "If the owner sees entries in it, they are not shared."
        found.append(note("Empty", "No entries are visible in it.", todo))
    return [*found, Finding(check="Time", seen=latency(listing))]


def _unseen(client: DriveClient, listing: Listing) -> list[Finding]:
    """Subfolders that we cannot open and shortcuts to nothing, among the first few of each."""
    subfolders = listing.of_type(FOLDER_TYPE)[:MAX_CHECKED]
    shortcuts = listing.of_type(SHORTCUT_TYPE)[:MAX_CHECKED]
    closed = [entry for entry in subfolders if not _open(client, listing, entry)]
    lost = [entry for entry in shortcuts if not _exists(client, entry)]
    keyless = sum(not _target_key(entry) for entry in lost)
    why = f", {keyless} of them without the target's resource key" if keyless else ""
    nowhere = f"have missing or unshared targets{why}"
    hidden = "Entries that are not shared are never listed. Only their owner can see them."
    return [
        *_checked("Subfolders", len(subfolders), len(closed), "cannot be opened", SHARE),
        *_checked("Shortcuts", len(shortcuts), len(lost), nowhere, f"{SHARE} Or ignore them."),
        Finding(check="Private", seen=hidden),
    ]


def _checked(check: str, all_: int, bad: int, what: str, todo: str) -> list[Finding]:
    if bad:
        return [note(check, f"{bad} of {all_} that were checked {what}.", todo)]
    seen = f"all {all_} that were checked can be opened"
    return [Finding(check=check, seen=seen)] if all_ else []


def _open(client: DriveClient, listing: Listing, entry: Entry) -> bool:
    if not can(entry, "canListChildren"):
        return False
    item = text(entry, "id")
    return client.get(item, {"fields": "id"}, headers=keys((item, listing.key_of(entry)))).ok


def _exists(client: DriveClient, entry: Entry) -> bool:
    target = _target(entry, "targetId")
    if not ID.fullmatch(target):
        return False
    return client.get(target, {"fields": "id"}, headers=keys((target, _target_key(entry)))).ok


def _target(entry: Entry, name: str) -> str:
    details = entry.get("shortcutDetails")
    return text(details, name) if isinstance(details, dict) else ""


def _target_key(entry: Entry) -> str | None:
    return _target(entry, "targetResourceKey") or None


def _download(client: DriveClient, listing: Listing, *, account: bool) -> Finding:
    """The first KiB of one picture: the only content that the doctor downloads."""
    source, entry = listing, listing.picture
    subfolders = listing.of_type(FOLDER_TYPE)
    if entry is None and subfolders:
        first = subfolders[0]
        link = FolderLink(text(first, "id"), listing.key_of(first))
        source = listed(client, link, max_pages=1)
        entry = source.picture
    if entry is None:
        return note("Download", "not tried: there is no image that can be downloaded")
    item = text(entry, "id")
    answer = client.bytes_of(item, "0-1023", headers=keys((item, source.key_of(entry))))
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.ok and kind not in ("text/html", "application/json"):
        seen = f"{answer.status}, {len(answer.body):,} bytes of {kind} in {answer.seconds:.3f} s"
        return Finding(check="Download", seen=seen)
    why = meaning(answer, "file", account=account)
    verdict = "" if why.reason == UNEXPECTED else f"{why.message} "
    todo = "Try again later. An import reports such a file as failed, with this reason."
    return wrong("Download", f"{verdict}Response: {answer.summary()}", todo)

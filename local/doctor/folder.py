"""One folder: what its link says, what can be seen of it, and what can not."""

from collections.abc import Sequence

from local.doctor.ask import Answer, Asker, keys
from local.doctor.drive import UNFORESEEN, judged, meaning
from local.doctor.findings import Finding, note, wrong
from local.doctor.listing import Entry, Listing, can, kinds, latency, listed, text
from services.adapters.drive.refusals import ItemKind
from services.core.folder_link import ID, FolderLink, NotAFolderLinkError, parse_folder_link
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE

LOOKED_AT = 8
ABOUT = "id,name,mimeType,trashed,driveId,resourceKey,capabilities(canListChildren)"
SHARE = (
    "In Drive, share it with “Anyone with the link” (and paste the link whole, with its "
    "resourcekey), or share it with the service account."
)


def parsed(link: str) -> tuple[FolderLink | None, Sequence[Finding]]:
    """What the link names. Its resource key is a part of the secret, so it is not shown."""
    try:
        known = parse_folder_link(link)
    except NotAFolderLinkError as why:
        return None, [wrong("Link", f"It names no folder ({why.code}).", str(why))]
    key = "given" if known.resource_key else "not given (only older links have one)"
    return known, [
        Finding(check="Folder id", seen=known.folder_id),
        Finding(check="Resource key", seen=key),
        note("Before you share", "Whoever has this id can open a folder that is shared by link."),
    ]


def folder(ask: Asker, link: FolderLink, *, account: bool) -> tuple[Listing | None, list[Finding]]:
    """The folder's own answer, then its first pages and what they show."""
    headers = keys((link.folder_id, link.resource_key))
    answer = ask.get(link.folder_id, {"fields": ABOUT}, headers=headers)
    if not answer.ok or not answer.document():
        return None, [_refused("Folder", answer, account=account)]
    found = _about(answer.document(), link)
    if any(finding.state == "wrong" for finding in found):
        return None, found
    listing = listed(ask, link)
    if not listing.pages[0].ok or not listing.pages[0].document():
        return None, [*found, _refused("List", listing.pages[0], account=account)]
    found += _counted(listing)
    found += _unseen(ask, listing)
    return listing, [*found, _download(ask, listing, account=account)]


def _refused(check: str, answer: Answer, *, account: bool) -> Finding:
    finding = judged(answer, check, ItemKind.FOLDER, account=account)
    return wrong(check, finding.seen, SHARE) if answer.status == 404 else finding


def _about(entry: Entry, link: FolderLink) -> list[Finding]:
    mime_type = text(entry, "mimeType")
    if mime_type != FOLDER_TYPE:
        shortcut = "a shortcut: open it, and paste the link of the folder that it leads to"
        other = f"{mime_type[:80] or 'of no type'}, no folder: paste the link of its folder"
        seen = shortcut if mime_type == SHORTCUT_TYPE else other
        return [wrong("Folder", f"The link names {seen}.", "Paste another link.")]
    found = [Finding(check="Folder", seen=f"“{text(entry, 'name')[:80]}”{_drive(entry)}")]
    if entry.get("trashed") is True:
        found.append(wrong("Trash", "The folder lies in the trash.", "Have its owner restore it."))
    if text(entry, "resourceKey") and not link.resource_key:
        seen = (
            "The folder has one, and the link that you gave has none; it was let in all the same."
        )
        found.append(
            note("Resource key", seen, "Paste the link whole if some files are not found.")
        )
    if not can(entry, "canListChildren"):
        found.append(wrong("List", "The folder may be seen, but what lies in it may not.", SHARE))
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
        todo = "An import lists such a folder again, and says so if it stays short."
        found.append(note("Incomplete", "Google calls the list incomplete.", todo))
    if not listing.entries:
        todo = "If the folder is not empty for its owner, what lies in it is not shared."
        found.append(note("Empty", "Nothing in it can be seen.", todo))
    return [*found, Finding(check="Time", seen=latency(listing))]


def _unseen(ask: Asker, listing: Listing) -> list[Finding]:
    """Subfolders that are closed to us, and shortcuts that lead nowhere: the first few of each."""
    subfolders, shortcuts = listing.of_type(FOLDER_TYPE), listing.of_type(SHORTCUT_TYPE)
    closed = [entry for entry in subfolders[:LOOKED_AT] if not _open(ask, listing, entry)]
    lost = [entry for entry in shortcuts[:LOOKED_AT] if not _leads(ask, entry)]
    found = []
    for check, some, all_, what, todo in (
        ("Subfolders", closed, subfolders, "cannot be opened", SHARE),
        ("Shortcuts", lost, shortcuts, "lead to nothing that we may see", f"{SHARE} Or ignore it."),
    ):
        looked = min(len(all_), LOOKED_AT)
        if some:
            keyless = sum(not _target_key(entry) for entry in some) if some is lost else 0
            why = f", {keyless} of them without a key for the target" if keyless else ""
            found.append(note(check, f"{len(some)} of {looked} looked at {what}{why}.", todo))
        elif looked:
            found.append(Finding(check=check, seen=f"all {looked} looked at are open to us"))
    hidden = (
        "What is shared with nobody is in no list at all: only its owner can see that it lacks."
    )
    return [*found, Finding(check="Private", seen=hidden)]


def _open(ask: Asker, listing: Listing, entry: Entry) -> bool:
    if not can(entry, "canListChildren"):
        return False
    item = text(entry, "id")
    return ask.get(item, {"fields": "id"}, headers=keys((item, listing.key_of(entry)))).ok


def _leads(ask: Asker, entry: Entry) -> bool:
    target = _target(entry, "targetId")
    if not ID.fullmatch(target):
        return False
    return ask.get(target, {"fields": "id"}, headers=keys((target, _target_key(entry)))).ok


def _target(entry: Entry, name: str) -> str:
    details = entry.get("shortcutDetails")
    return text(details, name) if isinstance(details, dict) else ""


def _target_key(entry: Entry) -> str | None:
    return _target(entry, "targetResourceKey") or None


def _download(ask: Asker, listing: Listing, *, account: bool) -> Finding:
    """The first KiB of one picture: the only bytes that the doctor ever fetches."""
    source, entry = listing, listing.picture
    subfolders = listing.of_type(FOLDER_TYPE)
    if entry is None and subfolders:
        first = subfolders[0]
        link = FolderLink(text(first, "id"), listing.key_of(first))
        source = listed(ask, link, most_pages=1)
        entry = source.picture
    if entry is None:
        return note("Download", "not tried: no picture that may be fetched was seen")
    item = text(entry, "id")
    answer = ask.bytes_of(item, "0-1023", headers=keys((item, source.key_of(entry))))
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.ok and kind not in ("text/html", "application/json"):
        seen = f"{answer.status}, {len(answer.body):,} bytes of {kind} in {answer.seconds:.3f} s"
        return Finding(check="Download", seen=seen)
    why = meaning(answer, ItemKind.FILE, account=account)
    said = "" if why.reason == UNFORESEEN else f"{why.message} "
    return wrong("Download", f"{said}It was answered: {answer.words()}", "Try again later; "
                 "an import sets such a file aside with this reason.")  # fmt: skip

"""A small tree of everything that importers trip over: names, twins, nothing, and no access."""

from itertools import count

from drive_emulator import documents
from drive_emulator.containers import JPEG
from drive_emulator.entry import Entry
from drive_emulator.layout import NEWEST_MS, FolderDraft, Listed
from drive_emulator.pool import PAINTINGS
from drive_emulator.stock import Shelf

TITLE = "Hostile names & things"

NAMES = (
    "slash/in/the name.jpg",
    "back\\slash.jpg",
    "line\nbreak.jpg",
    "tab\tand bell\a.jpg",
    "..",
    "../../etc/passwd.jpg",
    ".hidden.jpg",
    "  spaces around  ",
    "no extension",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f600.jpg",
    "caf\u00e9.jpg",  # composed ...
    "cafe\u0301.jpg",  # ... and decomposed: equal to the eye only
    "\u05ea\u05de\u05d5\u05e0\u05d4.jpg",
    "reversed \u202egpj.exe",
    "it's \"quoted\" \\ 'twice'.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "100%25 & more?key=1#part.jpg",
    "'; DROP TABLE images; --.jpg",
    "x" * 296 + ".jpg",
    "twin.jpg",
    "twin.jpg",
    "TWIN.JPG",
)


def hostile(shelf: Shelf) -> Listed:
    """Every picture of it but the trashed and the private one can be imported."""
    moments = count(NEWEST_MS, -60_000)
    paintings = (PAINTINGS[number * 7 % len(PAINTINGS)] for number in count())

    def picture(name: str, trashed: bool = False) -> Entry:
        stock, when = shelf.natural(next(paintings)), next(moments)
        return Entry(name, stock.container.mime_type, stock, when, when, trashed=trashed)

    def bare(name: str, mime_type: str) -> Entry:
        when = next(moments)
        return Entry(name, mime_type, None, when, when)

    empty = Entry("empty.jpg", "image/jpeg", shelf.empty(JPEG), next(moments), NEWEST_MS)
    notes = Entry(
        "notes.txt", "text/plain", shelf.document(documents.TEXT), next(moments), NEWEST_MS
    )
    root = FolderDraft(TITLE, [empty, *map(picture, NAMES), notes])
    root.files.append(bare("a document", "application/vnd.google-apps.document"))
    root.files.append(picture("thrown away.jpg", trashed=True))
    nothing = FolderDraft("Nothing here")
    root.folders = [
        FolderDraft("Empty", folders=[FolderDraft("Still empty", folders=[nothing])]),
        FolderDraft("twin", [picture("in the first.jpg")]),
        FolderDraft("twin", [picture("in the second.jpg")]),
        FolderDraft("a/b", [picture("under a slash.jpg")]),
        FolderDraft("..", [picture("not above.jpg")]),
        FolderDraft("Private", [picture("secret.jpg")], shared=False),
        FolderDraft("Thrown away", [picture("with its folder.jpg")], trashed=True),
    ]
    return Listed(root)

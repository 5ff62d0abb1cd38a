"""A small tree of what importers fail on: odd names, twins, empty files, missing access."""

from typing import Any

import msgspec

from drive_emulator.tree.entry import NATIVE
from drive_emulator.tree.explicit_spec import ExplicitTreeSpec, parse_explicit_tree
from drive_emulator.tree.tree import File

TITLE = "Hostile names & things"
FILE_KEY = "0-KeyOfAnOldPicture00001"
FOLDER_KEY = "0-KeyOfAnOldFolder000002"

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
    "caf\u00e9.jpg",  # composed
    "cafe\u0301.jpg",  # decomposed: it looks the same
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

_NATIVE_KINDS = (
    "document",
    "spreadsheet",
    "presentation",
    "drawing",
    "form",
    "script",
    "map",
    "site",
)
_ITEMS: list[dict[str, Any]] = [
    {"path": ["Empty", "Still empty", "Nothing here"], "kind": "folder"},
    {"path": ["twin"], "kind": "folder"},
    {"path": ["twin"], "kind": "folder", "ref": "second twin"},
    {"path": ["twin", "in the first.jpg"]},
    {"in": "second twin", "path": ["in the second.jpg"]},
    {"path": ["a/b", "under a slash.jpg"]},
    {"path": ["..", "not above.jpg"]},
    {"path": ["Private"], "kind": "folder", "shared": False},
    {"path": ["Private", "secret.jpg"]},
    {"path": ["Thrown away"], "kind": "folder", "trashed": True},
    {"path": ["Thrown away", "with its folder.jpg"]},
    {"path": ["Few checksums", "without sha.jpg"], "omit": ["sha1Checksum", "sha256Checksum"]},
    {
        "path": ["Few checksums", "without any.jpg"],
        "omit": ["md5Checksum", "sha1Checksum", "sha256Checksum"],
    },
    {"path": ["Refused", "not to be downloaded.jpg"], "canDownload": False},
    {"path": ["Refused", "abusive.jpg"], "abusive": True},
    {"path": ["Old links", "with a key.jpg"], "resourceKey": FILE_KEY},
    {"path": ["Old links", "Folder with a key"], "kind": "folder", "resourceKey": FOLDER_KEY},
    {"path": ["Old links", "Folder with a key", "behind a key.jpg"]},
]


def _shortcuts(other_tree: str) -> list[dict[str, Any]]:
    targets: dict[str, Any] = {
        "to a picture.jpg": ["twin", "in the first.jpg"],
        "to the same picture.jpg": ["twin", "in the first.jpg"],
        "to a folder": ["a/b"],
        "to its own folder": ["Shortcuts"],
        "to the folder above": [],
        "to nothing.jpg": None,
        "to a secret.jpg": ["Private", "secret.jpg"],
        "to a private folder": ["Private"],
        "to what is thrown away.jpg": ["thrown away.jpg"],
        "to a picture with a key.jpg": ["Old links", "with a key.jpg"],
        "to a folder with a key": ["Old links", "Folder with a key"],
        "to a document": ["a document"],
        "to another shortcut.jpg": ["Shortcuts", "to a picture.jpg"],
        "to another tree": other_tree,
    }
    shortcuts = [
        {"path": ["Shortcuts", name], "kind": "shortcut", "target": target}
        for name, target in targets.items()
    ]
    stale = {"target": ["notes.txt"], "targetMimeType": "image/jpeg"}
    return [*shortcuts, {"path": ["Shortcuts", "to a text.jpg"], "kind": "shortcut", **stale}]


def hostile(other: File) -> ExplicitTreeSpec:
    """`other` is a file in another tree that is not a picture: a shortcut points at it."""
    items = [
        {"path": ["empty.jpg"], "kind": "empty"},
        *({"path": [name]} for name in NAMES),
        {"path": ["notes.txt"], "kind": "text"},
        *(
            {"path": [f"a {kind}"], "kind": "native", "mimeType": f"{NATIVE}{kind}"}
            for kind in _NATIVE_KINDS
        ),
        {"path": ["thrown away.jpg"], "trashed": True},
        *_ITEMS,
        *_shortcuts(other.id),
    ]
    spec = {"name": "hostile", "title": TITLE, "items": items}
    return parse_explicit_tree(msgspec.json.encode(spec))

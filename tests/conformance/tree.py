"""The tree that other clients read: what importers fail on, but no cycles.

There is no cycle of folder shortcuts in it: rclone 1.60 follows one for ever.
"""

from typing import Any

NAME = "conformance"
KEY = "0-TheKeyOfTheOldLink"
ACCOUNT = "reader@example.com"

_DOCUMENT = "application/vnd.google-apps.document"
SPEC: dict[str, Any] = {
    "name": NAME,
    "title": "Conformance",
    "items": [
        {"path": ["album", "one.jpg"], "size": 20_000},
        {"path": ["album", "two.jpg"], "size": 20_000, "ref": "two"},
        {"path": ["album", "empty.jpg"], "kind": "empty", "ref": "empty"},
        {"path": ["empty", "emptier"], "kind": "folder", "ref": "emptier"},
        {"path": ["twin.jpg"], "size": 5_000},
        {"path": ["twin.jpg"], "size": 6_000},
        {"path": ["slash/in the name.jpg"], "size": 5_000},
        {"path": ["line\nbreak.jpg"], "size": 5_000},
        {"path": [".."], "size": 5_000},
        {"path": ['it\'s \\ "quoted".jpg'], "size": 5_000, "ref": "quoted"},
        {"path": ["a/b"], "kind": "folder", "ref": "a/b"},
        {"path": ["a/b", "under a slash.jpg"], "size": 5_000, "ref": "under"},
        {"path": ["notes.txt"], "kind": "text", "text": "notes\n"},
        {"path": ["a document"], "kind": "native", "mimeType": _DOCUMENT, "ref": "document"},
        {"path": ["shortcut to two.jpg"], "kind": "shortcut", "target": "two", "ref": "to two"},
        {"path": ["shortcut to a folder"], "kind": "shortcut", "target": "a/b", "ref": "to a/b"},
        {"path": ["dangling.jpg"], "kind": "shortcut", "target": None, "ref": "dangling"},
        {"path": ["old link.jpg"], "size": 5_000, "resourceKey": KEY, "ref": "keyed"},
        {"path": ["thrown away.jpg"], "size": 5_000, "trashed": True},
        {"path": ["private.jpg"], "size": 5_000, "shared": False, "ref": "private"},
    ],
}
GROUPED: dict[str, Any] = {
    "name": "grouped",
    "pictures": 122,
    "size": 4_096,
    "depth": 1,
    "fan_out": 60,
}
"""61 folders of two pictures each: more than a client puts into one query."""

"""Folders whose answers never are answers, and what is to become of each."""

from typing import Any

from drive_emulator.testing import RunningEmulator

NAME = "hopeless"
HOPELESS: dict[str, tuple[dict[str, Any], str]] = {
    "cut in half": ({"do": "truncate", "share": 0.5, "length": "right"}, "answer_unreadable"),
    "html": ({"do": "refuse", "reason": "badGateway", "status": 200}, "answer_unreadable"),
    "garbage": ({"do": "gzip_garbage"}, "drive_unavailable"),
    "broken off": ({"do": "reset", "after_bytes": 10}, "drive_unavailable"),
}


def plant(drive: RunningEmulator) -> str:
    """One such folder for each fault, and one that is well; the root's id."""
    lost = [{"path": [name], "kind": "folder", "ref": name} for name in HOPELESS]
    kept = {"path": ["good", "kept.jpg"], "size": 5_000, "ref": "kept"}
    root = drive.add_tree({"name": NAME, "items": [*lost, kept]}, render=True)
    refs = drive.refs(NAME)
    for name, (effect, _) in HOPELESS.items():
        drive.fault(effect, kinds=["list"], id=refs[name])
    return root

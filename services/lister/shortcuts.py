"""Shortcuts and their targets. Pure.

A shortcut carries the type that its target had when the shortcut was made, so only its target's id
is trusted, and each target is looked up once. If that fails, the old type decides whether the loss
counts as a failed file, a failed folder or a skipped entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from services.core import events as e
from services.core.errors import SetAside
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Target

DANGLING = "shortcut_dangling"
ELSEWHERE = "elsewhere"
"""Stands for a folder that we may not see. It is always the same, so the file keeps one key."""
Targets = Mapping[str, Entry | SetAside]
"""By the target's id."""


def targets_of(request: e.PageRequested, entries: Sequence[Entry]) -> list[Target]:
    """The targets to look up for this page, each once: not its own entries, nor its ancestors."""
    known = {entry.id for entry in entries} | {request.folder_id, *request.ancestors}
    found: dict[str, Target] = {}
    for entry in shortcuts(entries):
        if entry.target is not None and entry.target.id not in known:
            found.setdefault(entry.target.id, entry.target)
    return list(found.values())


def shortcuts(entries: Iterable[Entry]) -> list[Entry]:
    """Those that are not in the trash."""
    return [x for x in entries if x.mime_type == SHORTCUT_TYPE and not x.trashed]


def reached(shortcut: Entry, target: Entry) -> Entry:
    """The target as if it lay here: a folder takes the shortcut's name, a file keeps its own."""
    carried = shortcut.target.resource_key if shortcut.target is not None else None
    name = shortcut.name if target.mime_type == FOLDER_TYPE else target.name
    return replace(target, name=name, resource_key=target.resource_key or carried)

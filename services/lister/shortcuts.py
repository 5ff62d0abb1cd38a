"""What shortcuts point at: each target is looked up once, with its own resource key. Pure.

Of a shortcut only the target's id is believed. The type that it carries is the one that the target
had when the shortcut was made; so what a target is, only the target says. Where even that cannot be
had, the old type decides how loudly the loss is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.core import events as e
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Target

DANGLING = "shortcut_dangling"
ELSEWHERE = "elsewhere"
"""The folder of a file whose own folder nobody may see: one name, so that its key is one too."""


@dataclass(frozen=True)
class Unseen:
    """A target that could not be looked at, and why."""

    reason: str
    message: str


Targets = Mapping[str, Entry | Unseen]
"""By the target's id."""


def targets_of(asked: e.PageRequested, entries: Sequence[Entry]) -> list[Target]:
    """The targets that must be looked up to understand this page, each once.

    Not those that lie on the page themselves, nor a folder that we came through.
    """
    known = {entry.id for entry in entries} | {asked.folder_id, *asked.ancestors}
    found: dict[str, Target] = {}
    for entry in shortcuts(entries):
        if entry.target is not None and entry.target.id not in known:
            found.setdefault(entry.target.id, entry.target)
    return list(found.values())


def shortcuts(entries: Iterable[Entry]) -> list[Entry]:
    """Those that are not in the trash."""
    return [x for x in entries if x.mime_type == SHORTCUT_TYPE and not x.trashed]


def reached(shortcut: Entry, target: Entry) -> Entry:
    """What the shortcut leads to, as if it lay here: a folder goes by the name that it has here."""
    carried = shortcut.target.resource_key if shortcut.target is not None else None
    target = replace(target, resource_key=target.resource_key or carried)
    return replace(target, name=shortcut.name) if target.mime_type == FOLDER_TYPE else target


def folder_of(target: Entry) -> str:
    """Where a target lies: the same however it was reached, as its object's key is made of it."""
    return target.parents[0] if target.parents else ELSEWHERE

"""What the handlers of the Drive API share: files, settings, tokens, and a log of changes."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from drive_emulator.auth.authenticator import AccessTokens
from drive_emulator.auth.service_accounts import ServiceAccounts
from drive_emulator.clock import Clock
from drive_emulator.tree.store import TreeStore
from drive_emulator.validation import InvalidInput
from drive_emulator.worker import WorkerThread

MAX_CHANGES = 200_000  # kept; the oldest are dropped


class ChangeRecord(NamedTuple):
    """One change. `at` is the emulator's time in seconds; `number` counts from 1."""

    number: int
    at: float
    file_id: str


class ChangeLog:
    """A page token is the number of the first change that follows."""

    def __init__(self, now: Callable[[], float], limit: int = MAX_CHANGES) -> None:
        self._now = now
        self._records: deque[ChangeRecord] = deque(maxlen=limit)
        self.next_number = 1

    def add(self, file_id: str) -> None:
        self._records.append(ChangeRecord(self.next_number, self._now(), file_id))
        self.next_number += 1

    def since(self, token: str, size: int) -> list[ChangeRecord] | None:
        """At most `size` changes from a token on; None if it is unknown or too old."""
        if not token.isdecimal() or len(token) > 15:
            return None
        start = int(token)
        oldest = self._records[0].number if self._records else self.next_number
        if not oldest <= start <= self.next_number:
            return None
        return list(islice(self._records, start - oldest, start - oldest + size))


_Life = Annotated[float, msgspec.Meta(ge=0, le=10 * 365 * 86_400.0)]  # seconds, up to ten years


class BadKnob(InvalidInput):
    """An unknown knob, or a value that it does not accept."""


class Knobs(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`token_life`: seconds until a page token expires. `unknown_parent`: the answer to a listing
    none of whose folders can be seen. `shuffle`: every listing has its own order, which its page
    tokens keep. `redirect_media`: `alt=media` answers 302 to a signed address.
    `access_token_life`: seconds until tokens of the token endpoint expire.
    """

    token_life: _Life = 6 * 3600.0
    unknown_parent: Literal["404", "empty"] = "404"
    shuffle: bool = False
    redirect_media: bool = False
    access_token_life: _Life = 3600.0

    def change(self, changes: dict[str, Any]) -> None:
        """Set several knobs; raises `BadKnob` before anything is changed."""
        try:
            wanted = msgspec.convert(msgspec.to_builtins(self) | changes, Knobs)
        except msgspec.ValidationError as why:
            raise BadKnob(f"invalid knobs: {why}") from None
        for name in changes:
            setattr(self, name, getattr(wanted, name))


class Backend:
    """The files, the clock, and what was issued or changed since the start."""

    def __init__(self, store: TreeStore) -> None:
        self.store = store
        self.clock = Clock()
        store.now = self.clock.now
        self.knobs = Knobs()
        self.tokens = AccessTokens(self.clock)
        self.service_accounts = ServiceAccounts()
        self.changes = ChangeLog(self.clock.now)
        self.worker = WorkerThread()

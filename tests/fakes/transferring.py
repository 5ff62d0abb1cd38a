"""A transfer between a Drive and a store that are both in memory, and files to copy with it."""

import hashlib
from typing import Any

from services.core.events import FileFound, FileStored, Message
from services.core.flow.adaptive import Bounds
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.flow.occupancy import DRIVE, STORE
from services.core.flow.resilience import Resilience, RetryPolicy
from services.core.ports import Entry
from services.transfer.adaptation import Adaptation
from services.transfer.copier import Copier
from services.transfer.copy import Copy
from services.transfer.lines import Lines
from services.transfer.memory import MemoryBudget
from services.transfer.service import Transfer
from tests.fakes.drive import FakeDrive
from tests.fakes.messages import Publications
from tests.fakes.object_store import FakeStore
from tests.fakes.samples import RECEIVED, REDELIVERED, a_file

MIB = 1024 * 1024
BODY = bytes(range(256)) * 200  # 51,200 bytes: a few chunks


def sums(body: bytes, *names: str) -> dict[str, str]:
    """The named checksums, in hex."""
    return {name: hashlib.new(name, body).hexdigest() for name in names}


def said_of(body: bytes, *names: str, **changes: Any) -> FileFound:
    """What Drive says of a file of these bytes, with the named checksums."""
    return a_file(**({"size": len(body)} | sums(body, *names) | changes))


def entry_of(file: FileFound, **changes: Any) -> Entry:
    """The same file, as Drive tells when it is asked for it."""
    names = ("name", "mime_type", "size", "md5", "sha1", "sha256", "version")
    said = {name: getattr(file, name) for name in names}
    return Entry(**({"id": file.file_id} | said | changes))


class Transferring:
    """Drive holds `body`, and says of it what was said of `file` (or `now`, if it is given)."""

    def __init__(
        self,
        body: bytes = BODY,
        file: FileFound | None = None,
        *,
        now: Entry | None = None,
        memory: int = 64 * MIB,
        drive: FakeDrive | None = None,
        store: FakeStore | None = None,
    ) -> None:
        self.file = file or said_of(body, "md5")
        self.drive, self.store = drive or FakeDrive(), store or FakeStore()
        self.memory, self._all = MemoryBudget(memory), memory
        self.lines = Lines.to_store("http://store:9000")
        self.drive.add_entry(self.file.folder_id, now or entry_of(self.file), body)
        self.drive_breaker, self.store_breaker, self.look_breaker = (_breaker() for _ in range(3))
        self.copier = Copier(
            drive=self.drive,
            store=self.store,
            memory=self.memory,
            lines=self.lines,
            drive_calls=Resilience(DRIVE, RetryPolicy(), self.drive_breaker),
            store_calls=Resilience(STORE, RetryPolicy(), self.store_breaker),
            store_looks=Resilience(STORE, RetryPolicy(), self.look_breaker),
        )
        self.publications = Publications()
        self.transfer = Transfer(self.copier, self.publications, an_adaptation())

    def add(self, file_id: str, body: bytes = BODY) -> FileFound:
        """One more file."""
        file = said_of(body, "md5", file_id=file_id)
        self.drive.add_entry(file.folder_id, entry_of(file), body)
        return file

    async def copy(self, copy: Copy | None = None, *, look_first: bool = False) -> FileStored:
        """What becomes of the file."""
        copy = copy or Copy(file=self.file, received=RECEIVED)
        return await self.copier.copy(copy, look_first=look_first)

    async def outcome(self, file: FileFound | None = None, *, redelivered: bool = False) -> Message:
        """The one event that is published of the file."""
        before = len(self.publications.events)
        await self.transfer.handle(file or self.file, REDELIVERED if redelivered else RECEIVED)
        (event,) = self.publications.events[before:]
        return event

    def check_nothing_is_held(self) -> None:
        """No memory, no connection."""
        assert self.memory.free == self._all
        assert self.drive.open_now == 0
        assert self.lines.up.in_flight == self.lines.up_in_parts.in_flight == 0


def an_adaptation(least: int = 32, most: int = 32) -> Adaptation:
    """Of slots that nobody takes."""
    bounds = Bounds(least=least, most=most)
    return Adaptation(ConcurrencyLimit(bounds.first), bounds, lambda: False)


def _breaker() -> CircuitBreaker:
    return CircuitBreaker(lambda _why, _seconds: None)

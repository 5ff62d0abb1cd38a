"""An emulated Drive with odd files in it, and a copier from there to a store in memory."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest

from drive_emulator.testing import RunningEmulator
from services.adapters.drive.client import Drive, open_drive
from services.adapters.drive.settings import DriveSettings, Limits
from services.core.errors import Corrupt, SetAside, Verdict
from services.core.events import FileFound, FileStored
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.resilience import Resilience, RetryPolicy
from services.core.ports import Entry
from services.core.settings import Secret
from services.transfer.copier import Copier
from services.transfer.copy import Copy
from services.transfer.lines import Lines
from services.transfer.memory import MemoryBudget
from tests.fakes.google import QuotaRecorder
from tests.fakes.object_store import FakeStore
from tests.fakes.samples import RECEIVED, a_file

T = TypeVar("T")
MIB = 1024 * 1024
PATIENT = Limits(answer=50.0, silence=50.0, pause=0.0)
"""No case ends because this machine is busy. A case of silence has `until_silence`."""
TREE = {
    "name": "faults",
    "items": [
        {"path": "small.jpg", "size": 20_000},
        {"path": "other.jpg", "size": 20_000},
        {"path": "big.jpg", "size": 12 * MIB},
        {"path": "bare.jpg", "size": 20_000, "omit": ["md5Checksum", "sha1Checksum"]},
        {"path": "empty.jpg", "kind": "empty", "mimeType": "image/jpeg"},
        {"path": "page.jpg", "kind": "html", "mimeType": "image/jpeg"},
        {"path": "heic.jpg", "size": 20_000, "mimeType": "application/octet-stream"},
        {"path": "n" * 5_000 + ".jpg", "size": 20_000},
        {"path": "odd.jpg", "size": 20_000, "says": {"size": "not a number"}},
        {"path": "lost.jpg", "size": 20_000},
        {"path": "bin.jpg", "size": 20_000},
        {"path": "private.jpg", "size": 20_000},
        {"path": "new.jpg", "size": 20_000},
        {"path": "bigger.jpg", "size": 12 * MIB},
    ],
}


@asynccontextmanager
async def reaching(
    emulator: RunningEmulator, limits: Limits = PATIENT, quota: QuotaRecorder | None = None
) -> AsyncIterator[Drive]:
    settings = DriveSettings(
        api_url=emulator.url,
        api_key=Secret(emulator.api_key),
        cool_down_seconds=2.0,
        limits=limits,
    )
    quota = quota or QuotaRecorder()
    async with open_drive(settings, connections=4, quota=quota) as drive:
        yield drive


def until_silence(effect: Mapping[str, object]) -> Limits:
    """Limits under which a fault that is a silence ends soon, and nothing else ends early.

    If the machine is so busy that the limit is met before the fault, the verdict is the same.
    """
    if effect["do"] == "silence":
        return replace(PATIENT, answer=0.5)
    return replace(PATIENT, silence=0.5) if effect["do"] == "stall" else PATIENT


async def entry_of(drive: Drive, emulator: RunningEmulator, name: str) -> Entry:
    page = await drive.list_page(emulator.folder_id("faults"), token=None, resource_key=None)
    (entry,) = [entry for entry in page.entries if entry.name == name[:1024]]
    return entry


def found(entry: Entry) -> FileFound:
    return a_file(
        file_id=entry.id,
        name=entry.name,
        mime_type=entry.mime_type,
        size=entry.size,
        md5=entry.md5,
        sha1=entry.sha1,
        sha256=entry.sha256,
        version=entry.version,
    )


class OneAttempt(Resilience):
    """Calls once, so that a test sees the adapter's own verdict."""

    def __init__(self) -> None:
        super().__init__("drive", RetryPolicy(), CircuitBreaker(lambda _why, _seconds: None))

    async def call(
        self, act: Callable[[], Awaitable[T]], *, retry_corrupt: bool = True, **_: object
    ) -> T:
        """The value of `act()`, or what it raises."""
        try:
            return await act()
        except Corrupt as why:
            if retry_corrupt:
                raise
            raise SetAside(why.reason, why.message) from why


class Desk:
    """A copier from the emulator into a store in memory."""

    def __init__(self, drive: Drive, entry: Entry) -> None:
        self.store = FakeStore()
        self.file = found(entry)
        self.copy = Copy(file=self.file, received=RECEIVED)
        self._copier = Copier(
            drive=drive,
            store=self.store,
            memory=MemoryBudget(64 * MIB),
            drive_calls=OneAttempt(),
            store_calls=OneAttempt(),
            store_looks=OneAttempt(),
            lines=Lines.to_store("memory"),
        )

    async def stored(self) -> FileStored:
        copied = await self._copier.copy(self.copy, look_first=False)
        kept = self.store.objects[copied.object_key]
        assert hashlib.md5(kept.body).hexdigest() == copied.md5
        return copied

    async def refusal(self) -> Verdict:
        with pytest.raises(Verdict) as caught:
            await self._copier.copy(self.copy, look_first=False)
        assert self.store.objects == {}
        return caught.value


async def read_all(drive: Drive, file: FileFound) -> int:
    """Download the file; how many bytes came."""
    async with drive.open(file) as chunks:
        return sum([len(chunk) async for chunk in chunks])


async def ask(drive: Drive, kind: str, item_id: str) -> None:
    """A listing, a look-up or a download of the item, whichever is wanted."""
    if kind == "list":
        await drive.list_page(item_id, token=None, resource_key=None)
    elif kind == "get":
        await drive.look_up(item_id, resource_key=None)
    else:
        async with drive.open(a_file(file_id=item_id)):
            pass

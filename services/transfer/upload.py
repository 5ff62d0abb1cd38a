"""One object on its way to the store, which may arrive although the store did not say so.

A store can complete an upload after we gave it up: the answer got lost, or came too late. So
whoever tries again looks first.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.core.errors import Verdict
from services.core.events import FileFound, Mode
from services.core.flow.line import Passage
from services.core.ports import KeepsObjects
from services.transfer.content import HEAD_BYTES, refuse_other_content
from services.transfer.verification import Checksums


def writer(file: FileFound) -> str:
    """Whom an object of this file says that it was stored by: the replay, or else the import."""
    return file.replay_id or file.import_id


@dataclass(kw_only=True)
class Upload:
    """`sent` are the checksums of the right bytes, once the store was given all of them."""

    store: KeepsObjects
    key: str
    file: FileFound
    sent: Checksums | None = None

    async def put(self, body: bytearray, checksums: Checksums) -> None:
        if await self.arrived():
            return
        self.sent = checksums
        await self.store.put(
            self.key,
            body,
            content_type=checksums.content_type,
            stored_by=writer(self.file),
            sha256=checksums.sha256,
            md5=checksums.md5 or "",
        )

    async def put_stream(self, body: AsyncIterator[bytes], checksums: Checksums) -> None:
        """Store what `verified` gives. Its type must be told before its bytes, so it begins with
        those that tell the type."""
        begin: list[bytes] = []
        async for chunk in body:
            begin.append(chunk)
            if checksums.size >= HEAD_BYTES:
                break
        await self.store.put_stream(
            self.key,
            _after(begin, body),
            content_type=checksums.content_type,
            stored_by=writer(self.file),
        )

    async def verified(
        self, chunks: AsyncIterator[bytes], checksums: Checksums, passage: Passage
    ) -> AsyncIterator[bytes]:
        """The same chunks. Wrong bytes raise before the store can make them visible."""
        async for chunk in chunks:
            checksums.add(chunk)
            passage.move(len(chunk))
            yield chunk
        checksums.verify()
        refuse_other_content(self.file, checksums.head)
        self.sent = checksums

    async def arrived(self) -> bool:
        """Whether an earlier try has stored the object. An object that had to be replaced was
        there before, so its size would prove nothing."""
        if self.sent is None or self.file.mode is Mode.FORCE:
            return False
        found = await self.store.find(self.key)
        return found is not None and found.size == self.sent.size

    async def arrived_after_all(self) -> bool:
        """The last look, when the file is set aside."""
        with suppress(Verdict):
            return await self.arrived()
        return False


async def _after(begin: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """All chunks in their order."""
    for chunk in begin:
        yield chunk
    async for chunk in rest:
        yield chunk

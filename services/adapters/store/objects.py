"""Object bytes in an S3-compatible store: whole ones on their way there, and looks, through
`whole.py`, parts and reads through obstore.

obstore gives the server's answer only as text, which is read in one place: `answers.py`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
import structlog
from obstore.exceptions import BaseError, UnauthenticatedError

from services.adapters.store.answers import (
    EXPIRED,
    TABLE,
    code_of,
    knows_no_checksum,
    verdict,
    words_of,
)
from services.adapters.store.clients import CHECKSUM, object_client
from services.adapters.store.credentials import REASON, StoreCredentials
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import SHOWN
from services.adapters.store.whole import STORED_BY, AnswerError, WholeObjects
from services.core.errors import Stop, TryAgain, Verdict
from services.core.ports import READ_BYTES, STREAM_BYTES, StoredObject

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import RetryConfig, S3Store

PART_BYTES = 5 * 1024 * 1024  # the smallest that S3 takes; 10,000 parts hold up to 48 GiB
CONCURRENT_PARTS = 2
assert PART_BYTES * (CONCURRENT_PARTS + 1) < STREAM_BYTES  # those being sent, and the one filling
SILENCE_SECONDS = 60
CHUNK_BYTES = 256 * 1024
assert CHUNK_BYTES * 4 < READ_BYTES  # the one in hand, the one filling, and the connection's own

# Only for hiccups. An outage must be known soon, so that all work can wait for it.
HICCUPS: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
# A part that fails late is sent again, or the whole file would be downloaded again.
LATE: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(minutes=10)}
WHOLE, PARTS = "whole", "parts"
OF_KEYS = {*TABLE[EXPIRED].split(), "InvalidAccessKeyId"}
"""Codes after which keys of a role are fetched anew."""
log = structlog.get_logger("store")

_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)


class ObjectStore:
    """One per process: it holds the connections. Raises the three verbs."""

    def __init__(self, settings: StoreSettings) -> None:
        self.bucket = settings.bucket
        self._settings = settings
        self._credentials = StoreCredentials(settings)
        self._checksums = {WHOLE: True, PARTS: True}
        self._whole = WholeObjects(settings, self._credentials)
        self._make_clients()

    def _make_clients(self) -> None:
        self._made_with = self._credentials.renewals
        self._store = object_client(self._settings, self._credentials, HICCUPS)
        self._parts = self._client_of_parts()

    def _client_of_parts(self) -> "S3Store":
        checksum = CHECKSUM if self._checksums[PARTS] else ""
        return object_client(self._settings, self._credentials, LATE, checksum)

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        content_type: str,
        stored_by: str = "",
        sha256: str = "",
        md5: str = "",
    ) -> None:
        """One request; the object becomes visible whole or not at all."""
        about = _headers(content_type, stored_by)
        with self._writing(WHOLE) as checksum:
            await self._whole.put(key, body, about, sha256=sha256, md5=md5, checksum=checksum)

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        """A multipart upload in bounded memory. It is aborted if `body` raises, and at once if this
        call is cancelled, even while `body` is silent."""
        stream = _CancellableBody(body)
        try:
            with self._writing(PARTS):
                request = obstore.put_async(
                    self._parts,
                    key,
                    stream,
                    attributes=_attributes(content_type, stored_by),
                    use_multipart=True,
                    chunk_size=PART_BYTES,
                    max_concurrency=CONCURRENT_PARTS,
                )
                upload = asyncio.ensure_future(request)
                await asyncio.shield(upload)
        except asyncio.CancelledError:
            # obstore aborts an upload whose body fails. One that is cancelled keeps its parts.
            stream.cancel()
            await asyncio.wait({upload}, timeout=3)
            upload.cancel()
            raise

    async def find(self, key: str) -> StoredObject | None:
        """The object; None if there is none, or if we may not look."""
        with self._verdicts():
            async with asyncio.timeout(SILENCE_SECONDS):
                return await self._whole.look(key)

    async def open(self, key: str) -> AsyncGenerator[bytes, None]:
        """The object's bytes in chunks of some `CHUNK_BYTES`."""
        with self._verdicts():
            async with asyncio.timeout(SILENCE_SECONDS):
                answer = await obstore.get_async(self._store, key)
            chunks = answer.stream(CHUNK_BYTES)
            while True:
                async with asyncio.timeout(SILENCE_SECONDS):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk

    async def ready(self) -> None:
        """Return if the store answers and has the bucket; raise `Stop` for every other outcome."""
        try:
            with self._verdicts():
                async with asyncio.timeout(SILENCE_SECONDS):
                    await obstore.list_with_delimiter_async(self._store, "no-such-folder")
        except Verdict as why:
            # We may be allowed to put and not to list.
            if code_of(str(why.__cause__)) != "AccessDenied":
                raise Stop(why.reason, why.message) from why.__cause__

    async def answers(self) -> bool:
        try:
            await self.ready()
        except Stop:
            return False
        return True

    @contextmanager
    def _writing(self, writes: str) -> Iterator[bool]:
        """Whether with a checksum. A store that does not know it is sent none from then on."""
        with self._verdicts():
            checksum = self._checksums[writes]
            try:
                yield checksum
            except (BaseError, AnswerError) as why:
                if not checksum or not knows_no_checksum(str(why)):
                    raise
                message = f"The object store at {self._settings.address} takes no checksum."
                if self._checksums[writes]:
                    log.warning("store.checksum_left_out", writes=writes, why=words_of(str(why)))
                    self._checksums[writes] = False
                    self._parts = self._client_of_parts()
                raise TryAgain("store_unavailable", message) from why

    @contextmanager
    def _verdicts(self) -> Iterator[None]:
        known = self._credentials.renewals
        try:
            yield
        # obstore's own, FileNotFoundError, and ValueError for a key that cannot be sent.
        except (BaseError, AnswerError, OSError, ValueError) as why:
            if isinstance(why, UnauthenticatedError) and self._credentials.fault:
                raise self._credentials.fault from None
            if code_of(str(why)) in OF_KEYS and self._credentials.renew(known):
                self._take_new_keys()
                store = f"The object store at {self._settings.address}"
                message = f"{store} rejected the keys of the role. New ones are fetched."
                raise TryAgain(REASON, message) from why
            said = verdict(str(why), bucket=self.bucket, address=self._settings.address)
            raise said from why

    def _take_new_keys(self) -> None:
        """With new clients, once for all requests that fail together: obstore keeps keys for
        minutes."""
        if self._made_with != self._credentials.renewals:
            self._make_clients()


def _attributes(content_type: str, stored_by: str) -> "Attributes":
    attributes: Attributes = {"Content-Type": header_type(content_type)}
    if not SHOWN.fullmatch(content_type.lower()):
        # In a public store it would run its scripts. As an image in a page it runs none.
        attributes["Content-Disposition"] = "attachment"
    if stored_by:
        attributes[STORED_BY] = stored_by
    return attributes


def _headers(content_type: str, stored_by: str) -> dict[str, str]:
    """The same attributes as S3 names them."""
    attributes = _attributes(content_type, stored_by)
    names = (
        (name, name.lower() if name[0] == "C" else f"x-amz-meta-{name}") for name in attributes
    )
    return {header: attributes[name] for name, header in names}


def header_type(content_type: str) -> str:
    """The type if it can be a header (a line break in it would crash obstore), else bytes."""
    return content_type if _CONTENT_TYPE.fullmatch(content_type) else "application/octet-stream"


class _CancellableBody:
    """A body that can be failed from outside while obstore awaits a chunk, in a task of its own."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._task: asyncio.Task[object] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    def __aiter__(self) -> "_CancellableBody":
        return self

    async def __anext__(self) -> bytes:
        if self._cancelled:
            raise TimeoutError
        self._task = asyncio.current_task()
        return await anext(self._body)

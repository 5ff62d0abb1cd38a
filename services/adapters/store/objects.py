"""Object bytes in an S3-compatible store, over obstore.

obstore tells what the server answered only in its message: the error code and the status are read
from there, in one place (`verdict`).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store

from services.adapters.store.settings import StoreSettings
from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.ports import STREAM_BYTES

T = TypeVar("T")

PART_BYTES = 5 * 1024 * 1024
"""Of a multipart upload: the least that S3 takes. With 10,000 parts, files of up to 48 GiB."""
PARTS_AT_ONCE = 2
assert PART_BYTES * (PARTS_AT_ONCE + 1) < STREAM_BYTES  # those under way, and the one that fills
REQUEST_SECONDS = 60
CONNECT_SECONDS = 5
RETRIES = 2
ABORT_SECONDS = 3.0
TROUBLE = (BaseError, OSError, ValueError)
"""All that obstore raises: its own, FileNotFoundError, and ValueError for a key it cannot send."""

_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)

# MinIO, told to stop, breaks off the requests under way as if their client had gone.
NOT_UP = {"XMinioServerNotInitialized", "ClientDisconnected"}
REFUSED = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "RequestTimeTooSkewed",
}
FULL = {"XMinioStorageFull", "XMinioStorageQuotaExceeded", "QuotaExceeded", "InsufficientStorage"}
SLOWER = {"SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "RequestLimitExceeded"}
BAD_KEY = {"KeyTooLongError", "XMinioInvalidObjectName", "InvalidObjectName", "InvalidURI"}


class ObjectStore:
    """`KeepsObjects`. One per process: it holds the connections."""

    def __init__(self, settings: StoreSettings) -> None:
        self.bucket = settings.bucket
        self._where = settings.endpoint_url or "Amazon S3"
        self._store = S3Store(
            settings.bucket,
            endpoint=settings.endpoint_url or None,
            region=settings.region,
            access_key_id=settings.access_key_id,
            secret_access_key=settings.secret_access_key.reveal(),
            virtual_hosted_style_request=not settings.endpoint_url,
            client_options={
                "allow_http": settings.endpoint_url.startswith("http://"),
                "timeout": timedelta(seconds=REQUEST_SECONDS),
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            },
            # For hiccups, so that a part or a file need not be fetched again from Drive.
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=REQUEST_SECONDS),
            },
        )

    async def put(self, key: str, body: bytes | bytearray, *, content_type: str) -> None:
        """One request; the object is visible whole or not at all. Raises the three verbs."""
        await self._asked(
            lambda: obstore.put_async(
                self._store,
                key,
                body,
                attributes={"Content-Type": header_type(content_type)},
                use_multipart=False,
            )
        )

    async def put_stream(self, key: str, body: AsyncIterator[bytes], *, content_type: str) -> None:
        """A multipart upload of bounded memory. If `body` raises, it is aborted and that goes up.

        So it is when this call is cancelled: obstore alone would leave its parts in the bucket.
        """
        stream = _Stream(body)
        upload = asyncio.ensure_future(
            self._asked(
                lambda: obstore.put_async(
                    self._store,
                    key,
                    stream,
                    attributes={"Content-Type": header_type(content_type)},
                    use_multipart=True,
                    chunk_size=PART_BYTES,
                    max_concurrency=PARTS_AT_ONCE,
                )
            )
        )
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            stream.abandon()
            await asyncio.wait({upload}, timeout=ABORT_SECONDS)
            upload.cancel()
            raise

    async def size(self, key: str) -> int | None:
        """The object's size in bytes; None if there is none, or if we may not look."""
        try:
            return (await obstore.head_async(self._store, key))["size"]
        except (FileNotFoundError, PermissionDeniedError):
            # Without the right to list, S3 answers 403 for what is not there. It is put then, and
            # should the credentials be refused in truth, that will say so.
            return None
        except TROUBLE as why:
            raise self._verdict(why) from why

    async def ready(self) -> None:
        """Return if the store answers and has the bucket; else raise `Stop`, whatever it is."""
        try:
            await obstore.list_with_delimiter_async(self._store, "no-such-folder")
        except TROUBLE as why:
            if _first(_CODE, str(why)) != "AccessDenied":  # it may let us put and not list
                found = self._verdict(why)
                raise Stop(found.reason, found.message) from why

    async def answers(self) -> bool:
        """Whether the store answers and would take objects: a health check."""
        try:
            await self.ready()
        except Stop:
            return False
        return True

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await ask()
        except TROUBLE as why:
            raise self._verdict(why) from why

    def _verdict(self, why: Exception) -> Verdict:
        return verdict(str(why), bucket=self.bucket, where=self._where)


def verdict(said: str, *, bucket: str, where: str) -> Verdict:
    """What follows from obstore's message about a request that failed."""
    code = _first(_CODE, said)
    status = int(_first(_STATUS, said) or 0)
    store = f"the object store at {where}"
    if code == "NoSuchBucket" or (status == 404 and not code):
        return Stop("no_bucket", f"There is no bucket {bucket} in {store}.")
    if code in REFUSED or (status == 403 and not code) or "BareRedirect" in said:
        return Stop(
            "store_refused",
            f"Our request was refused by {store}: check the AWS_ settings ({code or status}).",
        )
    if code in FULL or status == 507:
        return Stop("store_full", f"There is no room left in {store}.")
    if code in NOT_UP or re.search(r"kind:\s+Connect\b", said):
        return Stop("store_unreachable", f"There is no answer from {store}.")
    if code in SLOWER or status == 429:
        return RateLimited("store_slow_down", f"Fewer requests are asked for by {store}.")
    if code in BAD_KEY or said.startswith("Could not parse path"):
        return SetAside("object_key_refused", f"The object's name was refused by {store}.")
    if 400 <= status < 500 and status not in {408, 409}:
        return SetAside("store_refused_object", f"{code or status} was answered by {store}.")
    return TryAgain("store_unreachable", f"There was trouble with {store} ({code or status}).")


def header_type(content_type: str) -> str:
    """The type if it can be a header (a line break in it would crash obstore), else bytes."""
    return content_type if _CONTENT_TYPE.fullmatch(content_type) else "application/octet-stream"


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


class _AbandonedError(Exception):
    """Ends a body from outside, so that obstore aborts its upload."""


class _Stream:
    """A body that can be ended from outside."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._abandoned = False

    def abandon(self) -> None:
        self._abandoned = True

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> bytes:
        if self._abandoned:
            raise _AbandonedError
        return await anext(self._body)

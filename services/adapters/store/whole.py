"""Whole objects in one request each, with hashes that are known (decisions/0052, 0059).

obstore would hash the bytes once more, and takes twice the CPU. The store still compares the bytes
with their MD5, which the signature contains, and with the SHA-256 until it has shown that it knows
the MD5.
"""

import asyncio
import random
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from hashlib import md5 as new_md5
from hashlib import sha256 as new_sha256
from urllib.parse import quote

from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError
from pyreqwest.http import Url
from pyreqwest.response import Response

from services.adapters.request_errors import is_unconnected, words
from services.adapters.store.answers import BAD_PATH, BARE_REDIRECT_ERROR, code_of
from services.adapters.store.clients import upload_client
from services.adapters.store.credentials import StoreCredentials
from services.adapters.store.settings import StoreSettings
from services.adapters.store.signing import Signer

WAITS = (0.1, 0.2)
"""Seconds before each further try, more or less. Only for hiccups: see `HICCUPS`."""
TRIED_FOR = 10.0
NOT_IMPLEMENTED = 501
CONTENT_MD5 = "content-md5"
SIGNED_FOR = "x-amz-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
"""Instead of a SHA-256: the signature holds for the headers alone, and so for the MD5."""
# A client would resolve `..`, and so put the object elsewhere.
_NO_KEY = re.compile(r"(^|/)\.{0,2}(/|$)|[\x00-\x1f\x7f]")


_MD5 = re.compile(r"[0-9a-fA-F]{32}")


class PutError(Exception):
    """Says what the store answered, as obstore's errors do: see `answers.py`."""


class WholeObjects:
    """One per process: it holds the connections."""

    def __init__(self, settings: StoreSettings, credentials: StoreCredentials) -> None:
        self._address = settings.at(settings.bucket)
        self._settings = settings
        self._credentials = credentials
        self._signer = Signer(settings.region)
        at = Url(self._address)  # as the client reads it
        host = f"{at.host_str}:{at.port}" if at.port else at.host_str or ""
        self._path = at.path.rstrip("/")
        self._steady = {"host": host, **_encryption(settings)}
        self._tells_md5: bool | None = None
        """Whether the store answers with the MD5 of what came; None while that is unknown."""

    @cached_property
    def _client(self) -> Client:
        """Whoever puts nothing is spared its memory."""
        return upload_client(self._settings)

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        about: Mapping[str, str],
        *,
        sha256: str = "",
        md5: str = "",
    ) -> None:
        """With the headers `about`, and hashes in hexadecimal digits, if they are known. Raises
        `PutError`, and the verdicts of keys that cannot be had."""
        if _NO_KEY.search(key):
            raise PutError(BAD_PATH)
        path, unsigned = f"/{quote(key)}", self._tells_md5
        headers = {**self._steady, **about, CONTENT_MD5: _header(md5) or _header(_md5(body))}
        if unsigned and await self._is_proven(path, body, headers):
            return
        headers[SIGNED_FOR] = sha256 or new_sha256(body).hexdigest()
        try:
            told = await self._tried(path, body, headers)
        except PutError as why:
            if not md5 or code_of(str(why)) != "BadDigest":
                raise
            # What Drive said of bytes that only their SHA-256 proves (decisions/0008).
            headers[CONTENT_MD5] = _header(_md5(body))
            told = await self._tried(path, body, headers)
        if unsigned is not False:  # after a doubt, all is signed until this process ends
            self._tells_md5 = unsigned is None and _header(told) == headers[CONTENT_MD5]

    async def _is_proven(
        self, path: str, body: bytes | bytearray, headers: Mapping[str, str]
    ) -> bool:
        """Put it with only the headers signed. False if that was refused, or if the store did not
        answer that what came has this MD5."""
        try:
            told = await self._tried(path, body, {**headers, SIGNED_FOR: UNSIGNED})
        except _PassingError:
            raise
        except PutError:  # is told once more of a request that is wholly signed
            return False
        return _header(told) == headers[CONTENT_MD5]

    async def _tried(self, path: str, body: bytes | bytearray, headers: Mapping[str, str]) -> str:
        """The object's entity tag. Hiccups are passed over."""
        until = time.monotonic() + TRIED_FOR
        for wait in WAITS:
            try:
                return await self._try(path, body, headers)
            except _PassingError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(random.uniform(wait / 2, wait * 1.5))
        return await self._try(path, body, headers)

    async def _try(self, path: str, body: bytes | bytearray, headers: Mapping[str, str]) -> str:
        keys, now = await self._credentials.kept(), datetime.now(UTC)
        signed = self._signer.signed("PUT", self._path + path, headers, keys, now)
        request = self._client.put(self._address + path).headers(signed).body_bytes(body).build()
        try:
            answer = await request.send()
        except RequestError as why:
            kind = "Connect" if is_unconnected(why) else "Request"
            raise _PassingError(f"HTTP error: {words(why)}, kind: {kind}") from why
        status = answer.status
        if status in range(200, 300):
            return _entity_tag(answer)
        said = bytes(await answer.bytes()).decode(errors="replace")
        if status in range(300, 400) and not said:
            raise PutError(BARE_REDIRECT_ERROR)
        error = f"status code: {status}: {said}"
        if status >= 500 and status != NOT_IMPLEMENTED:
            raise _PassingError(error)
        raise PutError(error)


class _PassingError(PutError):
    """What another try may not meet."""


def _md5(body: bytes | bytearray) -> str:
    return new_md5(body, usedforsecurity=False).hexdigest()


def _header(md5: str) -> str:
    """As `Content-MD5` has it; nothing if it is no MD5."""
    return b64encode(bytes.fromhex(md5)).decode() if _MD5.fullmatch(md5) else ""


def _entity_tag(answer: Response) -> str:
    try:
        return (answer.get_header("etag") or "").strip('"')
    except ValueError:  # it is no ASCII
        return ""


def _encryption(settings: StoreSettings) -> dict[str, str]:
    headers = {
        "x-amz-server-side-encryption": settings.encryption,
        "x-amz-server-side-encryption-aws-kms-key-id": settings.kms_key,
    }
    return {name: value for name, value in headers.items() if value}

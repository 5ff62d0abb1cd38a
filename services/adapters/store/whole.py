"""Whole objects in one request each, signed with a SHA-256 that is known (decisions/0052).

obstore would hash the bytes once more, and takes twice the CPU. The store still compares the bytes
with the SHA-256: a signature contains it.
"""

import asyncio
import random
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from urllib.parse import quote

from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError
from pyreqwest.http import Url

from services.adapters.request_errors import is_unconnected, words
from services.adapters.store.answers import BAD_PATH, BARE_REDIRECT_ERROR
from services.adapters.store.clients import upload_client
from services.adapters.store.credentials import StoreCredentials
from services.adapters.store.settings import StoreSettings
from services.adapters.store.signing import Signer

WAITS = (0.1, 0.2)
"""Seconds before each further try, more or less. Only for hiccups: see `HICCUPS`."""
TRIED_FOR = 10.0
NOT_IMPLEMENTED = 501
# A client would resolve `..`, and so put the object elsewhere.
_NO_KEY = re.compile(r"(^|/)\.{0,2}(/|$)|[\x00-\x1f\x7f]")


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
        digest: str,
        checksum: bool,
    ) -> None:
        """With the headers `about`, and the SHA-256 in hexadecimal digits, if it is known. With
        `checksum`, the store is asked to keep it. Raises `PutError`, and the verdicts of keys that
        cannot be had."""
        if _NO_KEY.search(key):
            raise PutError(BAD_PATH)
        digest = digest or sha256(body).hexdigest()
        headers = {**self._steady, **about, "x-amz-content-sha256": digest}
        if checksum:
            headers["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(digest)).decode()
        path, until = f"/{quote(key)}", time.monotonic() + TRIED_FOR
        for wait in (*WAITS, None):
            try:
                return await self._try(path, body, headers)
            except _PassingError as why:
                if wait is None or time.monotonic() > until:
                    raise PutError(*why.args) from why.__cause__
                await asyncio.sleep(random.uniform(wait / 2, wait * 1.5))

    async def _try(self, path: str, body: bytes | bytearray, headers: Mapping[str, str]) -> None:
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
            return
        said = bytes(await answer.bytes()).decode(errors="replace")
        if status in range(300, 400) and not said:
            raise PutError(BARE_REDIRECT_ERROR)
        error = f"status code: {status}: {said}"
        if status >= 500 and status != NOT_IMPLEMENTED:
            raise _PassingError(error)
        raise PutError(error)


class _PassingError(Exception):
    """What another try may not meet."""


def _encryption(settings: StoreSettings) -> dict[str, str]:
    headers = {
        "x-amz-server-side-encryption": settings.encryption,
        "x-amz-server-side-encryption-aws-kms-key-id": settings.kms_key,
    }
    return {name: value for name, value in headers.items() if value}

"""Whole objects in one request each, with hashes that are known, and looks at them (decisions/0052,
0059).

obstore would hash the bytes once more, and takes twice the CPU. The store still compares the bytes
with a hash that the signature contains: their MD5, which most stores compute in any case, where it
has shown that it does, else their SHA-256.
"""

import asyncio
import random
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256 as new_sha256
from urllib.parse import quote

from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError
from pyreqwest.http import Url
from pyreqwest.response import Response

from services.adapters.cancellation import not_swallowed
from services.adapters.request_errors import is_unconnected, words
from services.adapters.store.answers import BAD_PATH, BARE_REDIRECT_ERROR, code_of
from services.adapters.store.clients import upload_client
from services.adapters.store.credentials import StoreCredentials
from services.adapters.store.settings import StoreSettings
from services.adapters.store.signing import Signer
from services.core.ports import StoredObject

WAITS = (0.1, 0.2)
"""Seconds before each further try, more or less. Only for hiccups: see `HICCUPS`."""
TRIED_FOR = 10.0
NOT_IMPLEMENTED = 501
SIGNED_FOR = "x-amz-content-sha256"
EMPTY = new_sha256().hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
"""Instead of a SHA-256: the signature holds for the headers alone, and so for the MD5."""
# A client would resolve `..`, and so put the object elsewhere.
_NO_KEY = re.compile(r"(^|/)\.{0,2}(/|$)|[\x00-\x1f\x7f]")
STORED_BY = "drivestream-stored-by"
"""Metadata of an object, in S3 `x-amz-meta-drivestream-stored-by`."""
_CONTENT_TYPE = re.compile(r"([\w.+-]{1,127}/[\w.+-]{1,127})\s*(?:;|$)", re.ASCII)
_MD5 = re.compile(r"[0-9a-fA-F]{32}")


class AnswerError(Exception):
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
        self._refuses_other_md5: bool | None = None

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
        sha256: str,
        md5: str,
        checksum: bool,
    ) -> None:
        """With the headers `about`, and hashes in hexadecimal digits, if they are known. With
        `checksum`, a store whose word on MD5 is not trusted is asked to keep the SHA-256. Raises
        `AnswerError`, and the verdicts of keys that cannot be had."""
        path, headers = _path_of(key), {**self._steady, **about}
        if _MD5.fullmatch(md5) and await self._checks_md5(path, body, headers, md5):
            try:
                return await self._put(path, body, {**headers, **_proof(md5)})
            except _PassingError:
                raise
            except AnswerError:
                # What Drive said of bytes that its SHA-256 proves may be wrong (decisions/0008),
                # and of another refusal the request that is wholly signed is told.
                pass
        digest = sha256 or new_sha256(body).hexdigest()
        headers[SIGNED_FOR] = digest
        if checksum:
            headers["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(digest)).decode()
        await self._put(path, body, headers)

    async def _checks_md5(
        self, path: str, body: bytes | bytearray, headers: Mapping[str, str], md5: str
    ) -> bool:
        """Whether the store refuses bytes that have another MD5. The first object is put with a
        wrong one to find out: if the store takes it, it has the right bytes, and is put again."""
        if self._refuses_other_md5 is None:
            self._refuses_other_md5 = False  # for those that come meanwhile
            wrong = f"{int(md5, 16) ^ 1:032x}"
            try:
                await self._put(path, body, {**headers, **_proof(wrong)})
            except _PassingError:
                self._refuses_other_md5 = None
                raise
            except AnswerError as why:
                self._refuses_other_md5 = code_of(str(why)) == "BadDigest"
        return self._refuses_other_md5

    async def look(self, key: str) -> StoredObject | None:
        """The object; None if there is none, or if we may not look. Raises as `put` does."""
        headers = {"host": self._steady["host"], SIGNED_FOR: EMPTY}
        answer = await self._tried("HEAD", _path_of(key), b"", headers)
        if answer.status in (403, 404):
            # Without the right to list, S3 answers 403 for a missing object. The put that follows
            # fails with the right error if the credentials really are refused.
            return None
        await _insist(answer)
        size = _header(answer, "content-length")
        if not size.isdecimal():
            raise AnswerError("the store told no size")
        told = _CONTENT_TYPE.match(_header(answer, "content-type"))
        return StoredObject(
            int(size),
            _header(answer, f"x-amz-meta-{STORED_BY}"),
            told[1].lower() if told else "",
        )

    async def _put(self, path: str, body: bytes | bytearray, headers: Mapping[str, str]) -> None:
        await _insist(await self._tried("PUT", path, body, headers))

    async def _tried(
        self, method: str, path: str, body: bytes | bytearray, headers: Mapping[str, str]
    ) -> Response:
        """Hiccups are passed over."""
        until = time.monotonic() + TRIED_FOR
        for wait in WAITS:
            try:
                return await self._try(method, path, body, headers)
            except _PassingError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(random.uniform(wait / 2, wait * 1.5))
        return await self._try(method, path, body, headers)

    async def _try(
        self, method: str, path: str, body: bytes | bytearray, headers: Mapping[str, str]
    ) -> Response:
        keys, now = await self._credentials.kept(), datetime.now(UTC)
        signed = self._signer.signed(method, self._path + path, headers, keys, now)
        request = self._client.request(method, self._address + path).headers(signed)
        try:
            with_body = request.body_bytes(body) if method == "PUT" else request
            answer = await not_swallowed(with_body.build().send())
        except RequestError as why:
            kind = "Connect" if is_unconnected(why) else "Request"
            raise _PassingError(f"HTTP error: {words(why)}, kind: {kind}") from why
        if answer.status >= 500 and answer.status != NOT_IMPLEMENTED:
            raise _PassingError(await _said(answer))
        return answer


class _PassingError(AnswerError):
    """What another try may not meet."""


async def _insist(answer: Response) -> None:
    """Raise unless it is a success."""
    if answer.status not in range(200, 300):
        raise AnswerError(await _said(answer))


async def _said(answer: Response) -> str:
    words = bytes(await answer.bytes()).decode(errors="replace")
    if answer.status in range(300, 400) and not words:
        return BARE_REDIRECT_ERROR
    return f"status code: {answer.status}: {words}"


def _path_of(key: str) -> str:
    if _NO_KEY.search(key):
        raise AnswerError(BAD_PATH)
    return f"/{quote(key)}"


def _proof(md5: str) -> dict[str, str]:
    return {"content-md5": b64encode(bytes.fromhex(md5)).decode(), SIGNED_FOR: UNSIGNED}


def _header(answer: Response, name: str) -> str:
    """Its value; nothing if there is none, or if it is no ASCII."""
    try:
        return answer.get_header(name) or ""
    except ValueError:
        return ""


def _encryption(settings: StoreSettings) -> dict[str, str]:
    headers = {
        "x-amz-server-side-encryption": settings.encryption,
        "x-amz-server-side-encryption-aws-kms-key-id": settings.kms_key,
    }
    return {name: value for name, value in headers.items() if value}

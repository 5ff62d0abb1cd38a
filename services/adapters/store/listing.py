"""What lies in the bucket, for those who compare it with the rows: through minio-py, which also
lists and deletes keys that are not ours.

Synchronous. Raises the three verbs; nothing is tried twice here.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import urllib3
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error

from services.adapters.store.answers import verdict_of
from services.adapters.store.clients import bucket_client, http_client
from services.adapters.store.settings import StoreSettings
from services.adapters.store.whole import STORED_BY
from services.core.errors import TryAgain

PAGE = 1000
CHUNK_BYTES = 256 * 1024
# A request for several keys is XML, which has no such characters, and reads a \r as a \n.
_NO_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
MISSING = ("NoSuchKey", "NoSuchObject", "NoSuchVersion")
KEEPS_VERSIONS = (
    "The bucket keeps versions: a deleted object is only hidden, and its bytes stay until a "
    "lifecycle rule of the bucket removes noncurrent versions."
)
LOCKED = (
    "The bucket has object lock: a deleted object is only hidden, and its bytes stay at least "
    "until its retention ends."
)
UNKNOWN = "These keys may not ask whether the bucket keeps versions of deleted objects."


class Listed(NamedTuple):
    """An object: its size in bytes, and when it was written, by the store's clock. Only a look at
    the object itself tells which import or replay stored it."""

    key: str
    size: int
    modified: datetime
    stored_by: str = ""


class Digest(NamedTuple):
    """What an object's bytes are: how many, and their checksums in hex."""

    size: int
    md5: str
    sha256: str


class BucketReader:
    """Lists, looks, reads and deletes. All but `pages` may be called from several threads."""

    def __init__(self, settings: StoreSettings, connections: int = 1) -> None:
        self.bucket = settings.bucket
        self._settings = settings
        self._client = bucket_client(settings, http=http_client(settings, connections))

    def pages(self, after: str = "", prefix: str = "") -> Iterator[Sequence[Listed]]:
        """The objects after this key, `PAGE` at a time, as the store orders them."""
        with self._verdicts():
            found = self._client.list_objects(
                self.bucket, prefix or None, recursive=True, start_after=after or None
            )
            while page := [*islice(found, PAGE)]:
                yield [
                    Listed(each.object_name or "", each.size or 0, each.last_modified)
                    for each in page
                    if each.last_modified is not None
                ]

    def look(self, key: str) -> Listed | None:
        """The object, or None if there is none."""
        with self._verdicts():
            try:
                found = self._client.stat_object(self.bucket, key)
            except S3Error as why:
                if why.code in MISSING:
                    return None
                raise
            about = {name.lower(): value for name, value in (found.metadata or {}).items()}
            by = str(about.get(f"x-amz-meta-{STORED_BY}", ""))
            if found.last_modified is None:
                raise TryAgain("store_unavailable", "The store gave an object without a time.")
            return Listed(key, found.size or 0, found.last_modified, by)

    def digest(self, key: str) -> Digest | None:
        """Read the whole object; None if there is none."""
        md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
        with self._verdicts():
            try:
                answer = self._client.get_object(self.bucket, key)
            except S3Error as why:
                if why.code in MISSING:
                    return None
                raise
            try:
                for chunk in answer.stream(CHUNK_BYTES):
                    md5.update(chunk)
                    sha256.update(chunk)
                    size += len(chunk)
            finally:
                answer.close()
                answer.release_conn()
        return Digest(size, md5.hexdigest(), sha256.hexdigest())

    def delete(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete at most `PAGE` objects, in one request but for the oddest keys; why it failed, by
        key. One that is gone already is no failure."""
        with self._verdicts():
            odd = [key for key in keys if _NO_XML.search(key)]
            for key in odd:
                self._client.remove_object(self.bucket, key)
            asked = [DeleteObject(key) for key in keys if key not in odd]
            if not asked:
                return {}
            return {
                each.name or "": f"{each.message or each.code} ({each.code})"
                for each in self._client.remove_objects(self.bucket, asked)
                if each.code not in MISSING
            }

    def keeps_deleted(self) -> str:
        """A sentence, if the bytes of deleted objects stay; else nothing. A store that knows no
        versions keeps none."""
        with self._verdicts():
            try:
                if self._client.get_bucket_versioning(self.bucket).status not in (
                    "Enabled",
                    "Suspended",
                ):
                    return ""
            except S3Error as why:
                if why.response.status >= 500 and why.code != "NotImplemented":
                    raise
                return UNKNOWN if why.code == "AccessDenied" else ""
            try:
                self._client.get_object_lock_config(self.bucket)
            except S3Error:  # there is none, or the store has no such thing
                return KEEPS_VERSIONS
            return LOCKED

    @contextmanager
    def _verdicts(self) -> Iterator[None]:
        try:
            yield
        except S3Error as why:
            words = " ".join(str(why.message or "").split()).rstrip(".")
            raise verdict_of(
                why.response.status,
                str(why.code),
                words,
                bucket=self.bucket,
                address=self._settings.address,
            ) from why
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as why:
            said = f"The object store at {self._settings.address} did not answer"
            raise TryAgain("store_unreachable", f"{said}: {str(why)[:200]}") from why

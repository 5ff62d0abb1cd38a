"""Addresses of objects for a browser: public, or signed here without any request."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from services.adapters.store.settings import StoreSettings
from services.core.object_key import safe_part

if TYPE_CHECKING:
    from minio import Minio

NAME_BYTES = 150
SAFE = (ascii_letters + digits + "_.~/-").encode()
UNSAFE = re.compile(r"[^A-Za-z0-9_.~/-]+")
# What a browser shows without running anything in it; SVG is a document with scripts.
SHOWN = re.compile("image/(jpeg|png|gif|webp|avif|bmp|tiff|heic|heif|x-icon)")


class ObjectUrls:
    """One store, as browsers reach it. `public` says whether everybody may read the objects."""

    def __init__(self, settings: StoreSettings, now: Callable[[], datetime]) -> None:
        self.public = settings.public_read
        self._address = settings.public_url or settings.api_url
        self._settings = settings
        self._now = now
        self._parts: Mapping[str, Sequence[str]] = {}  # of the bucket that was asked for last

    @cached_property
    def _signer(self) -> "Minio":
        """Only a private store needs one, whose address is no template."""
        # Importing minio takes a quarter of a second, at each start of the api.
        from services.adapters.store.clients import bucket_client

        return bucket_client(self._settings, self._address)

    def public_url(self, storage_path: str) -> str:
        """Where everybody can GET the object at `s3://BUCKET/KEY`, in a public bucket."""
        bucket, key = storage_path.removeprefix("s3://").split("/", 1)
        return _quoted_key(key).join(self._around_key(bucket))

    def _around_key(self, bucket: str) -> Sequence[str]:
        """The parts of a public URL between which the key stands; kept, as a list has many URLs."""
        if bucket not in self._parts:
            template = self._address
            if template == self._settings.api_url:
                template = self._settings.at("{bucket}") + "/{key}"
            elif "{key}" not in template:
                template += "/{bucket}/{key}"
            self._parts = {bucket: template.replace("{bucket}", quote(bucket)).split("{key}")}
        return self._parts[bucket]

    def signed_url(self, storage_path: str, *, name: str, content_type: str) -> str:
        """Where to GET the object for two hours, under this name and as this type."""
        bucket, key = storage_path.removeprefix("s3://").split("/", 1)
        address = self._signer.presigned_get_object(
            bucket,
            key,
            expires=timedelta(hours=2),
            # Of the full hour: browsers find the picture in their cache by an address that stays.
            request_date=self._now().replace(minute=0, second=0, microsecond=0),
            response_headers=_shown_as(name, content_type),
        )
        # A path in the public address is a proxy's, which removes it before the store sees it.
        signed = urlsplit(address)
        return signed._replace(path=urlsplit(self._address).path + signed.path).geturl()


def _quoted_key(key: str) -> str:
    """A list has many, and most have no unsafe character or only spaces. To look for those takes a
    fifth of the time of a regular expression."""
    unsafe = key.encode().translate(None, SAFE)
    if not unsafe.strip(b" "):
        return key.replace(" ", "%20") if unsafe else key
    return UNSAFE.sub(lambda found: _quoted(found[0]), key)


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    """What is unsafe in a name is short and comes again: a space, a letter with an accent. To quote
    whole names takes longer than all else that is done for a list's row."""
    return quote(text)


def _shown_as(name: str, content_type: str) -> dict[str, str | list[str] | tuple[str]]:
    safe = safe_part(name, NAME_BYTES)
    plain = safe.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    shown = SHOWN.fullmatch(content_type.lower())
    kind = "inline" if shown else "attachment"
    # RFC 6266: the plain name for old clients, the encoded one for all others.
    disposition = f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
    return {
        "response-content-type": content_type.lower() if shown else "application/octet-stream",
        "response-content-disposition": disposition,
        "response-cache-control": "private, max-age=31536000, immutable",
    }

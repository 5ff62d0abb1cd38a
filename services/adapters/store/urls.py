"""Addresses of objects for a browser: public, or signed here for a while, without any request.

A signature is dated to the full hour, so that an address stays the same for an hour and browsers
find the (immutable) picture in their cache.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit, urlunsplit

from minio import Minio

from services.adapters.store.settings import StoreSettings
from services.core.object_key import safe_part

VALID_FOR = timedelta(hours=2)
NAME_BYTES = 150
# What a browser shows without running anything in it; SVG is a document with scripts.
SHOWN = {
    f"image/{kind}"
    for kind in ("jpeg", "png", "gif", "webp", "avif", "bmp", "tiff", "heic", "heif", "x-icon")
}


class ObjectUrls:
    """One store, as browsers reach it: S3_PUBLIC_URL, else its endpoint, else Amazon's."""

    def __init__(self, settings: StoreSettings, now: Callable[[], datetime]) -> None:
        address = settings.public_url or f"https://s3.{settings.region}.amazonaws.com"
        self._address = urlsplit(address)
        self._public = settings.public_read
        self._now = now
        self._signer = Minio(
            endpoint=self._address.netloc,
            access_key=settings.access_key_id,
            secret_key=settings.secret_access_key.reveal(),
            region=settings.region,  # else it would ask the store for it
            secure=self._address.scheme == "https",
        )

    def url_of(self, storage_path: str, *, name: str, mime_type: str) -> str:
        """Where to GET the object at `s3://BUCKET/KEY`; named and typed, where it is signed."""
        bucket, _, key = storage_path.removeprefix("s3://").partition("/")
        if self._public:
            path = f"{self._address.path}/{quote(bucket)}/{quote(key)}"
            return urlunsplit((self._address.scheme, self._address.netloc, path, "", ""))
        signed = urlsplit(
            self._signer.presigned_get_object(
                bucket,
                key,
                expires=VALID_FOR,
                request_date=self._now().replace(minute=0, second=0, microsecond=0),
                response_headers=_shown_as(name, mime_type),
            )
        )
        # A path in the public address is a proxy's, which takes it off before the store sees it.
        return urlunsplit(signed._replace(path=self._address.path + signed.path))


def _shown_as(name: str, mime_type: str) -> dict[str, str | list[str] | tuple[str]]:
    safe = safe_part(name, NAME_BYTES)
    plain = safe.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    shown = mime_type.lower() in SHOWN
    kind = "inline" if shown else "attachment"
    # RFC 6266: the plain name for old clients, the encoded one for all others.
    disposition = f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
    return {
        "response-content-type": mime_type.lower() if shown else "application/octet-stream",
        "response-content-disposition": disposition,
        "response-cache-control": "private, max-age=31536000, immutable",
    }

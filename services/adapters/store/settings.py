"""Where the object store is, and who we are to it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from services.core.settings import Reader, Secret


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """`endpoint_url` is empty for Amazon's own store.

    `public_url` is the store's address for browsers, to which bucket and key are appended. With
    `{key}` in it, and perhaps `{bucket}`, it is the template of an object's whole address.
    """

    access_key_id: str
    secret_access_key: Secret
    region: str
    bucket: str
    endpoint_url: str
    public_url: str
    public_read: bool

    @property
    def address(self) -> str:
        """The store as messages name it: nothing of its address that may be a secret."""
        parts = urlsplit(self.endpoint_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "Amazon S3"

    @classmethod
    def read(cls, reader: Reader) -> "StoreSettings":
        endpoint = reader.url("S3_ENDPOINT_URL", "")
        public_read = reader.flag("S3_PUBLIC_READ", True)
        return cls(
            access_key_id=reader.text("AWS_ACCESS_KEY_ID"),
            secret_access_key=reader.secret("AWS_SECRET_ACCESS_KEY"),
            region=reader.text("AWS_REGION", "us-east-1"),
            bucket=reader.text("S3_BUCKET", "drivestream"),
            endpoint_url=endpoint,
            public_url=_public_url(reader, public_read) or endpoint,
            public_read=public_read,
        )


def _public_url(reader: Reader, public_read: bool) -> str:
    url = reader.url("S3_PUBLIC_URL", "")
    host = url.partition("://")[2].partition("/")[0]
    rest = url.replace("{key}", "").replace("{bucket}", "")
    if "{" in rest or "}" in rest or "{key}" in host:
        reader.faults.append(
            "S3_PUBLIC_URL may have {key} after its host, and {bucket}, and no other braces: "
            "https://cdn.example.org/{key}."
        )
    elif "{bucket}" in url and "{key}" not in url:
        reader.faults.append("S3_PUBLIC_URL has {bucket}, so it must have {key} too.")
    elif "{key}" in url and not public_read:
        reader.faults.append(
            "S3_PUBLIC_URL has {key}, so it is an address that everybody can open: "
            "it needs S3_PUBLIC_READ=true."
        )
    return url

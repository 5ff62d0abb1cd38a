"""Where the object store is, and who we are to it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from services.core.settings import Reader, Secret


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The S3-compatible store. `endpoint_url` is empty for Amazon's own."""

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
        """From AWS_* and S3_*."""
        endpoint = reader.url("S3_ENDPOINT_URL", ("http", "https"), "")
        return cls(
            access_key_id=reader.text("AWS_ACCESS_KEY_ID"),
            secret_access_key=reader.secret("AWS_SECRET_ACCESS_KEY"),
            region=reader.text("AWS_REGION", "us-east-1"),
            bucket=reader.text("S3_BUCKET", "drivestream"),
            endpoint_url=endpoint,
            public_url=reader.url("S3_PUBLIC_URL", ("http", "https"), "") or endpoint,
            public_read=reader.flag("S3_PUBLIC_READ", False),
        )

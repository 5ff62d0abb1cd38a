"""Multipart uploads in a real store, for which the vendor's client has no public method."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import httpx
from minio.credentials.credentials import Credentials
from minio.signer import presign_v4

from services.adapters.store.settings import StoreSettings


def incomplete_uploads(at: StoreSettings) -> Sequence[str]:
    """Keys of the uploads that are neither completed nor aborted (S3 ListMultipartUploads)."""
    url = presign_v4(
        method="GET",
        url=urlsplit(f"{at.endpoint_url}/{at.bucket}?uploads="),
        region=at.region,
        credentials=Credentials(at.access_key_id, at.secret_access_key.reveal()),
        date=datetime.now(UTC),
        expires=60,
    )
    answer = httpx.get(urlunsplit(url), trust_env=False).raise_for_status()
    return re.findall(r"<Upload>.*?<Key>([^<]+)", answer.text, re.DOTALL)

"""Where the object store is, who we are to it, and how objects are kept there."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from services.core.settings import Reader, Secret

# What can be part of a header. Of the secret itself only a digest is ever sent.
SENT = re.compile(r"[\x21-\x7e]*")
REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
AMAZON = re.compile(r"(.+\.)?amazonaws\.(com|com\.cn|eu)")
"""Hosts to which the keys of a role or a profile may be shown."""
VIRTUAL_ONLY = re.compile(r".+\.aliyuncs\.com")
NO_TOKEN = Secret("")
KMS = ("aws:kms", "aws:kms:dsse")


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """`endpoint_url` is empty for Amazon's own store, `access_key_id` for the keys of a role or a
    profile.

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
    session_token: Secret = NO_TOKEN
    profile: str = ""
    addressing: str = ""
    ca_file: str = ""
    encryption: str = ""
    kms_key: str = ""

    @property
    def address(self) -> str:
        """The store as messages name it: nothing of its address that may be a secret."""
        parts = urlsplit(self.endpoint_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "Amazon S3"

    @property
    def api_url(self) -> str:
        """Where requests go, without the bucket."""
        china = ".cn" if self.region.startswith("cn-") else ""
        return self.endpoint_url or f"https://s3.{self.region}.amazonaws.com{china}"

    @property
    def bucket_in_host(self) -> bool:
        """Whether requests name the bucket in the host, as Amazon wants it, or in the path."""
        if self.addressing:
            return self.addressing == "virtual"
        parts = urlsplit(self.api_url)
        host = parts.hostname or ""
        # No certificate for *.host is one for a.b.host.
        if "." in self.bucket and parts.scheme == "https":
            return False
        return bool(AMAZON.fullmatch(host) or VIRTUAL_ONLY.fullmatch(host))

    def at(self, bucket: str) -> str:
        """Where a bucket is, by either form of address."""
        parts = urlsplit(self.api_url)
        if self.bucket_in_host:
            return f"{parts.scheme}://{bucket}.{parts.netloc}"
        return f"{self.api_url}/{bucket}"

    @classmethod
    def read(cls, reader: Reader) -> "StoreSettings":
        public_read = reader.flag("S3_PUBLIC_READ", True)
        endpoint = _endpoint(reader)
        public_url = _public_url(reader, public_read)
        encryption, kms_key = _encryption(reader, everybody_reads=public_read and not public_url)
        settings = cls(
            **_keys(reader, endpoint),
            region=_region(reader),
            bucket=_bucket(reader),
            endpoint_url=endpoint,
            public_url=public_url or endpoint,
            public_read=public_read,
            addressing=_addressing(reader, endpoint),
            ca_file=reader.certificates("S3_CA_FILE"),
            encryption=encryption,
            kms_key=kms_key,
        )
        host = urlsplit(endpoint).hostname or ""
        if AMAZON.fullmatch(host) and host.startswith(f"{settings.bucket}."):
            reader.faults.append(
                "S3_ENDPOINT_URL must not contain the bucket. Set it in S3_BUCKET."
            )
        return settings


def _endpoint(reader: Reader) -> str:
    url = reader.url("S3_ENDPOINT_URL", "")
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment:
        reader.faults.append("S3_ENDPOINT_URL must have no path after the host and port.")
    return url


def _keys(reader: Reader, endpoint: str) -> dict[str, Any]:
    """For Amazon's own store a role or a profile may stand in for them. The token belongs to the
    keys: it is of no use without them."""
    key_id = reader.text("AWS_ACCESS_KEY_ID", "")
    secret = reader.secret("AWS_SECRET_ACCESS_KEY", "")
    token = reader.secret("AWS_SESSION_TOKEN", "")
    at_amazon = AMAZON.fullmatch(urlsplit(endpoint).hostname or "")
    elsewhere = bool(reader.text("S3_ENDPOINT_URL", "")) and not at_amazon
    if elsewhere or key_id or secret.reveal() or token.reveal():
        for name, value in (("AWS_ACCESS_KEY_ID", key_id), ("AWS_SECRET_ACCESS_KEY", secret.value)):
            if not value and not any(fault.startswith(f"{name} ") for fault in reader.faults):
                reader.faults.append(f"{name} is not set.")
    for name, value in (("AWS_ACCESS_KEY_ID", key_id), ("AWS_SESSION_TOKEN", token.reveal())):
        if not SENT.fullmatch(value):
            reader.faults.append(f"{name} contains a character that is not allowed in it.")
    return {
        "access_key_id": key_id,
        "secret_access_key": secret,
        "session_token": token,
        "profile": reader.text("AWS_PROFILE", ""),
    }


def _region(reader: Reader) -> str:
    region = reader.text("AWS_REGION", "us-east-1")
    if not REGION.fullmatch(region):
        reader.faults.append("AWS_REGION must be a region code, such as eu-central-1.")
    return region


def _bucket(reader: Reader) -> str:
    bucket = reader.text("S3_BUCKET", "drivestream")
    if not BUCKET.fullmatch(bucket):
        reader.faults.append(
            "S3_BUCKET must be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens "
            "and dots."
        )
    return bucket


def _addressing(reader: Reader, endpoint: str) -> str:
    style = reader.text("S3_ADDRESSING_STYLE", "")
    if style not in ("", "path", "virtual"):
        reader.faults.append("S3_ADDRESSING_STYLE must be path or virtual.")
    elif style == "virtual" and _is_ip_address(urlsplit(endpoint).hostname or ""):
        reader.faults.append(
            "S3_ADDRESSING_STYLE=virtual puts the bucket before the host, so S3_ENDPOINT_URL must "
            "have a host name, not an IP address."
        )
    return style


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _encryption(reader: Reader, *, everybody_reads: bool) -> tuple[str, str]:
    how = reader.text("S3_SERVER_SIDE_ENCRYPTION", "")
    key = reader.text("S3_KMS_KEY_ID", "")
    if how not in ("", "AES256", *KMS):
        reader.faults.append(f"S3_SERVER_SIDE_ENCRYPTION must be AES256, {' or '.join(KMS)}.")
    elif key and how not in KMS:
        reader.faults.append(f"S3_KMS_KEY_ID requires S3_SERVER_SIDE_ENCRYPTION={KMS[0]}.")
    elif how in KMS and everybody_reads:
        reader.faults.append(
            f"With S3_SERVER_SIDE_ENCRYPTION={how}, objects cannot be read without the key. Set "
            "S3_PUBLIC_READ=false, or set S3_PUBLIC_URL to a server that can decrypt them."
        )
    if not SENT.fullmatch(key):
        reader.faults.append("S3_KMS_KEY_ID contains a character that is not allowed in a key id.")
    return how, key


def _public_url(reader: Reader, public_read: bool) -> str:
    url = reader.url("S3_PUBLIC_URL", "")
    host = url.partition("://")[2].partition("/")[0]
    rest = url.replace("{key}", "").replace("{bucket}", "")
    if "{" in rest or "}" in rest or "{key}" in host:
        reader.faults.append(
            "S3_PUBLIC_URL may contain {bucket}, and {key} after its host, and no other braces, "
            "such as https://cdn.example.org/{key}."
        )
    elif "{bucket}" in url and "{key}" not in url:
        reader.faults.append("S3_PUBLIC_URL contains {bucket}, so it must also contain {key}.")
    elif "{key}" in url and not public_read:
        reader.faults.append(
            "S3_PUBLIC_URL contains {key}, so anyone can open the objects. Set "
            "S3_PUBLIC_READ=true, or remove {key}."
        )
    return url

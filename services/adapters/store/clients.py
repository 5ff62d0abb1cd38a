"""The clients of one store, made from the same settings: obstore for objects, pyreqwest for whole
ones on their way there, minio-py for the bucket and for signed addresses."""

import re
import ssl
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import urllib3
from minio import Minio
from obstore.store import S3Store
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.proxy import ProxyBuilder

from services.adapters.environment import proxy_for, without
from services.adapters.store.credentials import StoreCredentials
from services.adapters.store.settings import StoreSettings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

REQUEST_TIMEOUT, CONNECT_TIMEOUT = timedelta(hours=6), timedelta(seconds=5)
"""Of a request. On a slow line a transfer takes long, so its limits are the transfer's: see
`core/flow/line.py`. A peer that acknowledges no bytes is given up after 30 s by the kernel, since
obstore and pyreqwest set TCP_USER_TIMEOUT."""
CHECKSUM = "SHA256"
"""Sent with every PUT and part. It costs nothing: requests are signed with it anyway. The signature
protects the bytes also where a store refuses the header."""
STEERING = re.compile(r"AWS_.+|(HTTPS?|ALL|NO)_PROXY|REQUEST_METHOD", re.IGNORECASE)
"""What obstore would take from the environment by itself when a store is made."""


def bucket_client(
    settings: StoreSettings, address: str = "", http: urllib3.PoolManager | None = None
) -> Minio:
    """minio-py's. At an `address` of its own the bucket is in the path."""
    parts = urlsplit(address or settings.api_url)
    made = Minio(
        endpoint=parts.netloc,
        credentials=StoreCredentials(settings),
        region=settings.region,  # else it would ask the store for it
        secure=parts.scheme == "https",
        http_client=http,
    )
    if settings.bucket_in_host and (address or settings.api_url) == settings.api_url:
        made.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    else:
        made.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return made


def http_client(settings: StoreSettings, connections: int = 1) -> urllib3.PoolManager:
    """For minio-py: no retries, a limit for each wait, and the way that obstore takes, too.
    `connections` are kept for the next request."""
    trust = ssl.create_default_context()
    if settings.ca_file:
        trust.load_verify_locations(settings.ca_file)
    wait = urllib3.Timeout(connect=5, read=20)
    if proxy := proxy_for(settings.api_url):
        login = unquote(urlsplit(proxy).netloc.rpartition("@")[0])
        known = urllib3.make_headers(proxy_basic_auth=login) if login else None
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=known,
            ssl_context=trust,
            timeout=wait,
            retries=False,
            maxsize=connections,
        )
    return urllib3.PoolManager(ssl_context=trust, timeout=wait, retries=False, maxsize=connections)


def upload_client(settings: StoreSettings) -> Client:
    """pyreqwest's. It follows no redirect: signatures hold for one address. With HTTP/2, objects
    would share one connection, and its end."""
    made = (
        ClientBuilder()
        .http1_only()
        .no_proxy()  # none that it finds by itself
        .follow_redirects(False)
        .user_agent("drivestream")
        .timeout(REQUEST_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
    )
    if proxy := proxy_for(settings.api_url):
        made = made.proxy(ProxyBuilder.all(proxy))
    if settings.ca_file:
        made = made.add_root_certificate_pem(Path(settings.ca_file).read_bytes())
    return made.build()


def object_client(
    settings: StoreSettings,
    credentials: StoreCredentials,
    retry: "RetryConfig",
    checksum: str = "",
) -> S3Store:
    """obstore's. It reads the environment when it is made, so that it is made without one."""
    options: ClientConfig = {
        "allow_http": settings.api_url.startswith("http://"),
        "timeout": REQUEST_TIMEOUT,
        "connect_timeout": CONNECT_TIMEOUT,
    }
    if proxy := proxy_for(settings.api_url):
        options["proxy_url"] = proxy
    if settings.ca_file:
        options["root_certificate"] = Path(settings.ca_file).read_bytes()
    config: S3Config = {
        # With the bucket in the host, the endpoint must have it there, too.
        "endpoint": settings.at(settings.bucket) if settings.bucket_in_host else settings.api_url,
        "virtual_hosted_style_request": settings.bucket_in_host,
        "region": settings.region,
    }
    if checksum:
        config["checksum_algorithm"] = checksum
    config.update(_secrets(settings))
    with without(STEERING):
        return S3Store(
            settings.bucket,
            config=config,
            credential_provider=None if settings.access_key_id else credentials.current,
            client_options=options,
            retry_config=retry,
        )


def _secrets(settings: StoreSettings) -> "S3Config":
    """Keys and encryption, where the settings name them."""
    config: S3Config = {}
    if settings.access_key_id:
        config["access_key_id"] = settings.access_key_id
        config["secret_access_key"] = settings.secret_access_key.reveal()
    if token := settings.session_token.reveal():
        config["session_token"] = token
    if settings.encryption:
        config["server_side_encryption"] = settings.encryption
    if settings.kms_key:
        config["sse_kms_key_id"] = settings.kms_key
    return config

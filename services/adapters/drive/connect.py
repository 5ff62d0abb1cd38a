"""How Drive is reached: connections, their limits, trust and proxy."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from services.adapters.drive.client import Drive
from services.adapters.drive.credentials import ApiKey, Authenticator
from services.adapters.drive.settings import DriveSettings
from services.core.ports import SpendsQuota

KEEP_ALIVE_SECONDS = 60.0


@asynccontextmanager
async def open_drive(
    settings: DriveSettings, *, connections: int, quota: SpendsQuota
) -> AsyncIterator[Drive]:
    """Drive, on at most so many connections, which are kept alive until the block ends.

    Raises `SettingsError` where the key file of a service account is not one.
    """
    authenticator = authenticator_for(settings)
    # The system's certificates, or those of SSL_CERT_FILE; not a list of our own.
    trust = ssl.create_default_context()
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=trust
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    # Read once: aiohttp would look for a proxy in a thread, at every request.
    proxy = proxy_for(settings.api_url)
    async with AiohttpTransport(
        client=session, verify=trust, proxy=httpx.Proxy(proxy) if proxy else None
    ) as transport:
        yield Drive(settings, transport, authenticator, quota)


def authenticator_for(settings: DriveSettings) -> Authenticator:
    """Raises `SettingsError` as `read_account` does."""
    if settings.credentials_file is None:
        return ApiKey(settings.api_key, settings.quota_user)
    # google-auth takes half a second to import, which a process with an API key is spared.
    from services.adapters.drive.account import read_account

    return read_account(settings.credentials_file)


def proxy_for(url: str) -> str | None:
    """The address in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; None where NO_PROXY names this one."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")

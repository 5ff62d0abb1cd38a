"""How Drive is reached: connections, their limits, and whom we trust."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from services.adapters.drive.client import Drive
from services.adapters.drive.credentials import Signs
from services.adapters.drive.requests import Limits
from services.adapters.drive.settings import DriveSettings
from services.core.ports import SpendsQuota

KEEP_ALIVE_SECONDS = 60.0


@asynccontextmanager
async def open_drive(
    settings: DriveSettings,
    *,
    connections: int,
    quota: SpendsQuota | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Drive]:
    """Drive for as long as the block lasts, on at most so many connections, kept alive.

    Every request is paid for from `quota`; without one nothing holds it back. Raises
    `SettingsError` where the key file of a service account is none.
    """
    credentials = _account(settings.credentials_file)
    # The system's certificates, or those of SSL_CERT_FILE; not a list of our own.
    trust = ssl.create_default_context()
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=trust
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    async with AiohttpTransport(
        client=session, verify=trust, proxy=_proxy(settings.api_url)
    ) as transport:
        yield Drive(
            settings,
            transport,
            credentials=credentials,
            quota=quota,
            limits=limits or limits_of(settings),
        )


def limits_of(settings: DriveSettings) -> Limits:
    """What the settings' one time limit means for each wait."""
    longest = settings.timeout_seconds
    return Limits(answer=longest, silence=longest / 2, grace=longest)


def _account(path: Path | None) -> Signs | None:
    if path is None:
        return None
    # Half a second of imports, which who asks with a key need not wait for.
    from services.adapters.drive.account import read_account

    return read_account(path)


def _proxy(url: str) -> httpx.Proxy | None:
    """HTTPS_PROXY and NO_PROXY, read once: aiohttp would ask a thread for them at every request."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    return httpx.Proxy(address) if address else None

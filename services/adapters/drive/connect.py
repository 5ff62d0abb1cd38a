"""How Drive is reached: connections, their limits, trust and proxy."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from services.adapters.drive.client import Drive
from services.adapters.drive.proxies import proxy_for
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
    """Drive, on at most so many connections, which are kept alive until the block ends.

    Every request is paid for from `quota`, if there is one. Raises `SettingsError` where the key
    file of a service account is not one.
    """
    authenticator = None
    if settings.credentials_file:
        # google-auth takes half a second to import, which a process with an API key is spared.
        from services.adapters.drive.account import read_account

        authenticator = read_account(settings.credentials_file)
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
        yield Drive(
            settings,
            transport,
            authenticator=authenticator,
            quota=quota,
            limits=limits or limits_of(settings),
        )


def limits_of(settings: DriveSettings) -> Limits:
    """What the settings' one time limit means for each wait."""
    longest = settings.timeout_seconds
    return Limits(answer=longest, silence=longest / 2, grace=longest)

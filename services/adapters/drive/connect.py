"""How Drive is reached: connections, their limits, and whom we trust."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from services.adapters.drive.client import Drive
from services.core.settings import DriveSettings

TIMEOUTS = httpx.Timeout(connect=10.0, read=30.0, write=10.0, pool=60.0)
KEEP_ALIVE_SECONDS = 60.0


@asynccontextmanager
async def open_drive(settings: DriveSettings, *, connections: int) -> AsyncIterator[Drive]:
    """Drive for as long as the block lasts, on at most so many connections, kept alive."""
    connector = aiohttp.TCPConnector(
        limit=connections,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        # The system's certificates, or those of SSL_CERT_FILE; not a list of our own.
        ssl=ssl.create_default_context(),
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,  # HTTPS_PROXY and NO_PROXY, as every other tool on the machine
    )
    transport = AiohttpTransport(client=session)
    async with httpx.AsyncClient(
        transport=transport, timeout=TIMEOUTS, follow_redirects=False
    ) as client:
        yield Drive(settings, client)

"""Requests for the bytes of files, from aiohttp without httpx around it.

httpx's request and response cost twice as much as a download of 100 KB itself (decisions/0043).
They stay for everything else. What answers with anything but bytes is httpx's response here, too,
so that redirects and refusals are read in one place and in one way.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import aiohttp
import httpx
from httpx_aiohttp.transport import AiohttpResponseStream, AiohttpTransport, map_aiohttp_exceptions


class Headers(Protocol):
    def get(self, key: str, default: Any = None) -> Any:
        """The values of this name, joined with a comma."""


class Response(Protocol):
    """What is asked of a response, be it httpx's or a `MediaResponse`."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def has_redirect_location(self) -> bool: ...
    def aiter_raw(self) -> AsyncIterator[bytes]: ...
    def aiter_bytes(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class DriveTransport(AiohttpTransport):
    """httpx's transport, and on the same connections the short way to a file's bytes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        proxy: httpx.Proxy | None,
        timeout: aiohttp.ClientTimeout,
        **others: Any,
    ) -> None:
        super().__init__(client=session, proxy=proxy, **others)
        self._session = session
        self._options: dict[str, Any] = {
            "allow_redirects": False,
            "auto_decompress": False,
            "timeout": timeout,
        }
        if proxy is not None:
            login = aiohttp.BasicAuth(*proxy.auth) if proxy.auth else None
            self._options |= {
                "proxy": str(proxy.url),
                "proxy_auth": login,
                "proxy_headers": proxy.headers,
            }

    async def get_file(self, url: str, headers: Mapping[str, str]) -> Response:
        """Raises what `handle_async_request` raises."""
        try:
            response = await self._session.get(url, headers=headers, **self._options)
        except Exception:
            with map_aiohttp_exceptions():
                raise
        if response.status == 200 or (response.status == 206 and "Range" in headers):
            return MediaResponse(response)
        return httpx.Response(
            status_code=response.status,
            headers=response.raw_headers,
            stream=AiohttpResponseStream(response),
        )


class MediaResponse:
    """The bytes as they are, in pieces as they arrived; and its own headers."""

    has_redirect_location = False

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._read = response.content.readany
        self.status_code = response.status
        self.headers = self

    def get(self, key: str, default: Any = None) -> Any:
        """As httpx's headers: aiohttp's give one of several values, and text that is no UTF-8."""
        wanted = key.encode()
        values = [value for name, value in self._response.raw_headers if name.lower() == wanted]
        if not values:
            return default
        joined = b", ".join(values)
        try:
            return joined.decode()
        except UnicodeDecodeError:
            return joined.decode("iso-8859-1")

    def aiter_raw(self) -> AsyncIterator[bytes]:
        return self

    aiter_bytes = aiter_raw

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._read()
        except Exception:
            with map_aiohttp_exceptions():
                raise
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        with map_aiohttp_exceptions():
            await self._response.__aexit__(None, None, None)

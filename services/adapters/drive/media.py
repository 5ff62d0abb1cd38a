"""Requests for the bytes of files, from pyreqwest without httpx around it.

httpx's request and response cost twice as much as a download of 100 KB itself, and aiohttp with
asyncio's TLS twice as much as pyreqwest (decisions/0043, 0052). Both stay for everything else. What
answers with anything but bytes is httpx's response here, too, so that redirects and refusals are
read in one place and in one way.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, Protocol, cast

import httpx
from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError, RequestTimeoutError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response as Answered

from services.adapters.cancellation import not_swallowed
from services.adapters.request_errors import is_unconnected, words


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


class MediaClient:
    """Sends the requests. One per process: it holds the connections.

    The client is made when it is needed, since whoever only lists is spared its memory.
    """

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make

    @cached_property
    def _client(self) -> Client:
        return self._make()

    async def get_file(self, url: str, headers: Mapping[str, str]) -> Response:
        """Raises httpx's errors. The caller limits the wait for an answer."""
        try:
            request = (
                self._client.get(url)
                .headers(dict(headers))
                .streamed_read_buffer_limit(0)  # else it would wait for so many bytes of the body
                .build_streamed()
            )
        except ValueError as why:
            raise httpx.InvalidURL(str(why)) from why
        try:
            leave = partial(request.__aexit__, None, None, None)
            response = await not_swallowed(request.__aenter__(), leave)
        except RequestError as why:
            raise _as_httpx(why) from why
        media = MediaResponse(request, response)
        if response.status == 200 or (response.status == 206 and "Range" in headers):
            return media
        return httpx.Response(
            status_code=response.status, headers=_headers(response), stream=_Stream(media)
        )


class MediaResponse:
    """The bytes as they are, in pieces as they arrived; and its own headers."""

    has_redirect_location = False

    def __init__(self, request: StreamRequest, response: Answered) -> None:
        self._request, self._response = request, response
        self._read = response.body_reader.read_chunk
        self.status_code = response.status
        self._is_open = True

    @property
    def headers(self) -> Headers:
        return self

    def get(self, key: str, default: Any = None) -> Any:
        """As httpx's headers. One that is no ASCII counts as none."""
        try:
            return ", ".join(self._response.get_header_all(key)) or default
        except ValueError:
            return default

    def aiter_raw(self) -> AsyncIterator[bytes]:
        return self

    aiter_bytes = aiter_raw

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await not_swallowed(self._read())
        except RequestError as why:
            raise _as_httpx(why) from why
        if piece is None:
            raise StopAsyncIteration
        return cast(bytes, piece)  # a buffer: a copy of each would cost as much as a hash

    async def aclose(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._request.__aexit__(None, None, None)


class _Stream(httpx.AsyncByteStream):
    """For httpx's response."""

    def __init__(self, media: MediaResponse) -> None:
        self._media = media

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._media:
            yield bytes(piece)

    async def aclose(self) -> None:
        await self._media.aclose()


def _headers(response: Answered) -> list[tuple[str, str]]:
    """Those that are ASCII."""
    found = []
    for name in response.headers.keys():  # noqa: SIM118 - iterating over the map reads values, too
        with suppress(ValueError):
            found += [(name, value) for value in response.get_header_all(name)]
    return found


def _as_httpx(why: RequestError) -> httpx.TransportError:
    said = words(why)
    if is_unconnected(why):
        return httpx.ConnectError(said)
    if isinstance(why, RequestTimeoutError):
        return httpx.ReadTimeout("")
    return httpx.ReadError(said)

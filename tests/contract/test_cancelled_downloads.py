"""Whoever is cancelled stops, also if pyreqwest has the result at the same moment."""

import asyncio
from collections import Counter
from contextlib import suppress

from pyreqwest.client import ClientBuilder

from services.adapters.drive.media import MediaClient

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"x" * 1000
TRIES, TURNS = 300, 12
"""Without `not_swallowed`, about one in twenty went on."""


class Server:
    """Answers every request at once."""

    def __init__(self) -> None:
        self.connections: list[asyncio.StreamWriter] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)

    async def close(self) -> None:
        for connection in self.connections:
            connection.close()
        await asyncio.gather(*(c.wait_closed() for c in self.connections), return_exceptions=True)


async def test_a_cancelled_download_never_goes_on() -> None:
    answering = Server()
    server = await asyncio.start_server(answering.answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ended: Counter[str] = Counter()
    async with server, ClientBuilder().build() as client:
        media = MediaClient(lambda: client)
        for number in range(TRIES):
            download = asyncio.create_task(read(media, url))
            for _ in range(number % TURNS):
                await asyncio.sleep(0)
            busy_for(number % 5 * 0.0005)
            download.cancel()
            await asyncio.wait({download})
            ended["cancelled" if download.cancelled() else "went on"] += 1
        assert await read(media, url) == 1000  # the client is none the worse for it
        await answering.close()  # a server's end awaits that of its connections
    assert ended == {"cancelled": TRIES}


async def read(media: MediaClient, url: str) -> int:
    response = await media.get_file(url, {})
    try:
        return sum([len(piece) async for piece in response.aiter_raw()])
    finally:
        await response.aclose()
        await asyncio.sleep(0.05)  # as long as whoever goes on is at something else


def busy_for(seconds: float) -> None:
    """The event loop does not look meanwhile, and results arrive."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while clock() < until:
        pass

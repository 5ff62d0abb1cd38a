"""Breaking a connection, and noticing that the client has broken it."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

from drive_emulator.http.messages import Receive, Send

MAX_WAIT_S = 3_600.0
_CLOSING_S = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: drop unsent data and send RST


class Disconnected(Exception):
    """The connection is closed or closing; nothing more can be sent."""


async def drop_connection(send: Send, receive: Receive, *, reset: bool = False) -> None:
    """Close the connection: after what was sent (FIN), or at once (RST).

    Always raises `Disconnected`.
    """
    transport = _transport(send)
    if transport is not None:
        if reset:
            client = transport.get_extra_info("socket")
            if client is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        else:
            transport.close()
        await client_left(receive, _CLOSING_S)
    raise Disconnected


def close(send: Send) -> bool:
    """Close the connection without waiting; returns whether there is one."""
    transport = _transport(send)
    if transport is not None:
        transport.close()
    return transport is not None


async def client_left(receive: Receive, seconds: float) -> bool:
    """Wait for the client to disconnect, at most so long; returns whether it did."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(seconds, MAX_WAIT_S)):
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
    return False


def _transport(send: Send) -> Any:
    """uvicorn's transport, found through the object that `send` is a method of.

    ASGI itself has no way to break a connection.
    """
    cycle = getattr(send, "__self__", None)
    return getattr(cycle, "transport", None)

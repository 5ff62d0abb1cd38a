"""What a client sees of a connection that breaks."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

from drive_emulator.http.messages import Receive, Send

MAX_WAIT_S = 3_600.0
_CLOSING_S = 5.0
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: drop what is unsent, and say so with a reset


class Disconnected(Exception):
    """The connection is gone, or is to be; nothing further can be sent."""


async def drop_connection(send: Send, receive: Receive, *, reset: bool = False) -> None:
    """End the connection: after what was sent (FIN), or at once (RST). Always raises `HungUp`."""
    transport = _transport(send)
    if transport is not None:
        if reset:
            line = transport.get_extra_info("socket")
            if line is not None:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            transport.abort()
        else:
            transport.close()
        await deleted(receive, _CLOSING_S)
    raise Disconnected


def close(send: Send) -> bool:
    """End the connection, if it has not ended, without waiting; whether there is one to end."""
    transport = _transport(send)
    if transport is not None:
        transport.close()
    return transport is not None


async def deleted(receive: Receive, seconds: float) -> bool:
    """Wait until the client has gone, at most so long; whether it has."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(seconds, MAX_WAIT_S)):
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
    return False


def _transport(send: Send) -> Any:
    """uvicorn's, whose `send` belongs to the object that has it; ASGI itself has no such word."""
    cycle = getattr(send, "__self__", None)
    return getattr(cycle, "transport", None)

"""Answers in gzip: Litestar's, ended even if nobody reads them to their end."""

from typing import Any

from litestar.middleware.compression import CompressionMiddleware
from litestar.types import Receive, Scope, Send

END = "end_of_compression"


class Compression(CompressionMiddleware):
    """Litestar closes the file with an answer's last piece. HEAD takes none, and clients leave: the
    file would be left to the garbage collector. Python 3.14 warns of it; 3.12 up to 3.12.9 and 3.13
    up to 3.13.2 print an error (gh-129726)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if end := scope["state"].pop(END, None):
                await end({"type": "http.disconnect"})

    def create_compression_send_wrapper(
        self, send: Send, compression_encoding: Any, scope: Scope
    ) -> Send:
        compressed = super().create_compression_send_wrapper(send, compression_encoding, scope)
        scope["state"][END] = compressed
        return compressed

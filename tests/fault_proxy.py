"""A TCP proxy in front of a server. It can be a slow line, fall silent, refuse connections, or
answer HTTP 503 for the server."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

CHUNK = 64 * 1024
SLOW_CHUNK = 16 * 1024
UNAVAILABLE = (
    b'<?xml version="1.0"?><Error><Code>ServiceUnavailable</Code>'
    b"<Message>Please try again.</Message></Error>"
)


class Mode(Enum):
    """What the proxy does with connections, those that are open included."""

    PASS = "pass"
    REFUSE = "refuse"  # break off, and close whatever comes
    ANSWER_503 = "503"  # break off, and answer every further request with an error
    SILENT = "silent"  # take connections and keep them, and pass nothing on


class Line:
    """What all connections share in one direction: so many bytes a second, in the order asked."""

    def __init__(self, bytes_per_second: float | None) -> None:
        self.bytes_per_second = bytes_per_second
        self.carried = 0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def carry(self, size: int) -> None:
        """Return when so many bytes are through."""
        with self._lock:
            self.carried += size
            if self.bytes_per_second is None:
                return
            start = max(time.monotonic(), self._free_at)
            self._free_at = start + size / self.bytes_per_second
            wait = self._free_at - time.monotonic()
        time.sleep(max(0.0, wait))


class FaultProxy:
    """Listens on a port of its own. Threads are daemons: they end with the test."""

    def __init__(
        self, host: str, port: int, up: float | None = None, down: float | None = None
    ) -> None:
        self.up, self.down = Line(up), Line(down)
        self._target = (host, port)
        self._mode = Mode.PASS
        self._open: set[socket.socket] = set()
        self._chunk = CHUNK if up is down is None else SLOW_CHUNK
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        if self._chunk is SLOW_CHUNK:  # else the kernel would swallow whole files at once
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_CHUNK)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def set_mode(self, mode: Mode) -> None:
        """Change what happens; open connections are broken off unless everything passes."""
        self._mode = mode
        if mode in (Mode.REFUSE, Mode.ANSWER_503):
            for connection in list(self._open):
                _close(connection)

    def close(self) -> None:
        """Listen no more."""
        self.set_mode(Mode.REFUSE)
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._mode is Mode.REFUSE:
            _close(client)
        elif self._mode is Mode.ANSWER_503:
            _answer_503(client)
        else:
            self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=60)
        except OSError:
            _close(client)
            return
        server.settimeout(None)
        if self._chunk is SLOW_CHUNK:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_CHUNK)
        self._open |= {client, server}
        back = threading.Thread(target=self._copy, args=(server, client, self.down), daemon=True)
        back.start()
        self._copy(client, server, self.up)
        back.join()
        self._open -= {client, server}

    def _copy(self, source: socket.socket, target: socket.socket, line: Line) -> None:
        with suppress(OSError):
            while chunk := source.recv(self._chunk):
                line.carry(len(chunk))
                while self._mode is Mode.SILENT:
                    time.sleep(0.01)
                target.sendall(chunk)
        _close(source)
        _close(target)


def _answer_503(client: socket.socket) -> None:
    """Read one request to its end, answer it, and close."""
    with suppress(OSError):
        client.settimeout(10)
        head = b""
        while b"\r\n\r\n" not in head and (chunk := client.recv(CHUNK)):
            head += chunk
        headers, _, body = head.partition(b"\r\n\r\n")
        lines = [line.lower() for line in headers.split(b"\r\n")]
        length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"0")
        left = int(length) - len(body)
        while left > 0 and (chunk := client.recv(CHUNK)):
            left -= len(chunk)
        size = str(len(UNAVAILABLE)).encode()
        client.sendall(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\n"
            b"Connection: close\r\nContent-Length: " + size + b"\r\n\r\n" + UNAVAILABLE
        )
    _close(client)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def fault_proxy(
    host: str, port: int, *, up: float | None = None, down: float | None = None
) -> Iterator[FaultProxy]:
    """A proxy for the block; `up` and `down` are bytes a second, to the server and from it."""
    proxy = FaultProxy(host, port, up, down)
    try:
        yield proxy
    finally:
        proxy.close()

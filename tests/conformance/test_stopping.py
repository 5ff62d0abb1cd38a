"""The emulator stops when it is told to, quietly, whichever clients are connected."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
from urllib.parse import urlsplit
from urllib.request import urlopen

STOP_S = 60.0  # open requests get a second, of their 600; the rest allows for a busy machine
SLOW = json.dumps({"match": {"kinds": ["about"]}, "effect": {"do": "latency", "seconds": 600}})
FLAGS = ["--port", "0", "--tls-port", "0", "--proxy-port", "0", "--fault", SLOW]


def port(url: str) -> int:
    return urlsplit(url).port or 0


def test_it_stops_quietly_while_all_kinds_of_clients_are_connected() -> None:
    emulator = subprocess.Popen(
        [sys.executable, "-m", "drive_emulator", *FLAGS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with emulator, contextlib.ExitStack() as clients:
        try:
            assert emulator.stdout is not None
            plain = emulator.stdout.readline().rsplit(" ", 1)[1].strip()
            with urlopen(f"{plain}/_emu/addresses", timeout=STOP_S) as answer:
                told = json.load(answer)
            for client in connected(told):
                clients.enter_context(contextlib.closing(client))
            emulator.send_signal(signal.SIGINT)
            _, complaints = emulator.communicate(timeout=STOP_S)
        finally:
            emulator.kill()
    assert (emulator.returncode, complaints) == (0, "")


def connected(told: dict[str, str]) -> list[http.client.HTTPConnection | socket.socket]:
    """Clients that are idle, that wait for a slow response, and that have sent half a request."""
    trusted = ssl.create_default_context(cafile=told["ca"])
    clients: list[http.client.HTTPConnection | socket.socket] = []
    for path in ("/drive/v3/files", "/drive/v3/about?fields=user"):
        tunnelled = http.client.HTTPSConnection(
            "127.0.0.1", port(told["proxy"]), context=trusted, timeout=STOP_S
        )
        tunnelled.set_tunnel("www.googleapis.com", 443)
        direct = http.client.HTTPSConnection(
            "127.0.0.1", port(told["https"]), context=trusted, timeout=STOP_S
        )
        for client in (tunnelled, direct):
            key = "&" if "?" in path else "?"
            client.request("GET", f"{path}{key}key=emulator-key")
            if "about" not in path:
                client.getresponse().read()
            clients.append(client)
    for listener in ("http", "https", "proxy"):
        half = socket.create_connection(("127.0.0.1", port(told[listener])), timeout=STOP_S)
        half.sendall(b"GET / HT")
        clients.append(half)
    return clients

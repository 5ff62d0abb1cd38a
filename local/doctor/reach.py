"""How far one gets on the way to an address: name, connection, certificate, told apart."""

import socket
import ssl
from collections.abc import Callable, Sequence
from threading import Thread
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from local.doctor.findings import Finding, wrong

T = TypeVar("T")
STEP_SECONDS = 6.0
PROXY = "The proxy of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) is in the way, or wrong."


def reach(url: str) -> Sequence[Finding]:
    """What is there on the way to it; the last finding is wrong if the way ends before it."""
    parts = urlsplit(url)
    proxy = proxy_of(url)
    through = urlsplit(proxy) if proxy else parts
    host = through.hostname or ""
    port = through.port or (443 if through.scheme == "https" else 80)
    found = [Finding(check="Proxy", seen=f"asked through {host}:{port}")] if proxy else []
    addresses = _addresses(host, port)
    if isinstance(addresses, Finding):
        return [*found, addresses]
    found.append(Finding(check="Name", seen=f"{host} is {', '.join(addresses)}"))
    connected = _connected(host, port, tls=through.scheme == "https")
    return [*found, *connected]


def proxy_of(url: str) -> str | None:
    """The proxy that requests to the address go through, as the services see it."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _addresses(host: str, port: int) -> list[str] | Finding:
    todo = "Check the network and its DNS; if the name is no usual one, DRIVE_API_URL."
    try:
        known = within(
            STEP_SECONDS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except TimeoutError:
        return wrong("Name", f"{host} was not resolved within {STEP_SECONDS:.0f} s.", todo)
    except (OSError, UnicodeError) as why:
        said = getattr(why, "strerror", None) or type(why).__name__
        return wrong("Name", f"{host} cannot be resolved: {said}.", todo)
    return list(dict.fromkeys(str(address[0]) for *_, address in known))[:4]


def _connected(host: str, port: int, *, tls: bool) -> Sequence[Finding]:
    try:
        connection = socket.create_connection((host, port), timeout=STEP_SECONDS)
    except OSError as why:
        seen = f"No connection to {host}:{port}: {why.strerror or why or type(why).__name__}."
        todo = "Something between here and there (a firewall, a proxy that is not set) says no, or "
        return [wrong("Connection", seen, f"{todo}nothing listens there: check DRIVE_API_URL.")]
    found = [Finding(check="Connection", seen=f"{host}:{port} takes connections")]
    with connection:
        return [*found, _trusted(connection, host)] if tls else found


def _trusted(connection: socket.socket, host: str) -> Finding:
    todo = "If a proxy of your network opens TLS, put its certificate into SSL_CERT_FILE."
    try:
        with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secure:
            return Finding(check="TLS", seen=f"{secure.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as why:
        return wrong("TLS", f"The certificate is not trusted: {why.verify_message}.", todo)
    except OSError as why:
        said = getattr(why, "reason", None) or why.strerror or type(why).__name__
        return wrong("TLS", f"No TLS with {host}: {said}.", todo)


def within(seconds: float, ask: Callable[[], T]) -> T:
    """What `ask` answers; `TimeoutError` if it takes longer. For what knows no limit itself."""
    outcome: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(ask())
        except Exception as why:  # noqa: BLE001 - raised again by who waits
            failed.append(why)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not outcome:
        raise TimeoutError
    return outcome[0]

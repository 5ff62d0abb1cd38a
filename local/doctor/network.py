"""The way to an address, one step at a time: name, connection, certificate."""

import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

from local.doctor.findings import Finding, wrong
from services.adapters.environment import proxy_for
from services.core.settings import SettingsError

TIMEOUT_SECONDS = 6.0


def network(url: str) -> Sequence[Finding]:
    """A finding for each step. If a step fails, its finding is wrong and the last one."""
    parts = urlsplit(url)
    try:
        proxy = proxy_for(url)
    except SettingsError as why:
        return [wrong("Proxy", str(why), "Set one of them to such an address, or none.")]
    through = urlsplit(proxy) if proxy else parts
    host = through.hostname or ""
    port = through.port or (443 if through.scheme == "https" else 80)
    found = [Finding(check="Proxy", seen=f"{host}:{port}")] if proxy else []
    addresses = _addresses(host, port)
    if isinstance(addresses, Finding):
        return [*found, addresses]
    found.append(Finding(check="Name", seen=f"{host} is {', '.join(addresses)}"))
    connected = _connected(host, port, tls=through.scheme == "https")
    return [*found, *connected]


def _addresses(host: str, port: int) -> list[str] | Finding:
    todo = "Check the network and its DNS, and DRIVE_API_URL if it is set."
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as why:
        said = getattr(why, "strerror", None) or type(why).__name__
        return wrong("Name", f"{host} cannot be resolved: {said}.", todo)
    return list(dict.fromkeys(str(address[0]) for *_, address in known))[:4]


def _connected(host: str, port: int, *, tls: bool) -> Sequence[Finding]:
    try:
        connection = socket.create_connection((host, port), timeout=TIMEOUT_SECONDS)
    except OSError as why:
        seen = f"No connection to {host}:{port}: {why.strerror or why or type(why).__name__}."
        todo = "Check the firewall, whether a proxy must be set, and DRIVE_API_URL if it is set."
        return [wrong("Connection", seen, todo)]
    found = [Finding(check="Connection", seen=f"{host}:{port} accepts connections")]
    with connection:
        return [*found, _trusted(connection, host)] if tls else found


def _trusted(connection: socket.socket, host: str) -> Finding:
    todo = "If a proxy on your network inspects TLS, set SSL_CERT_FILE to its certificate."
    try:
        with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secure:
            return Finding(check="TLS", seen=f"{secure.version()}, and the certificate is trusted")
    except ssl.SSLCertVerificationError as why:
        return wrong("TLS", f"The certificate is not trusted: {why.verify_message}.", todo)
    except OSError as why:
        said = getattr(why, "reason", None) or why.strerror or type(why).__name__
        return wrong("TLS", f"{host} does not speak TLS: {said}.", todo)

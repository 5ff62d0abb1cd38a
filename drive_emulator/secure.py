"""Settings of TLS, the proxy and the service account: from the command line to what they make."""

import argparse
import atexit
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from drive_emulator.auth.service_accounts import ServiceAccounts
from drive_emulator.http import tls
from drive_emulator.http.server import TlsListeners, listen, url


class BadSetting(ValueError):
    """A setting that cannot be used; the message says why, and what would do."""


def add_flags(parser: argparse.ArgumentParser, port: Callable[[str], int]) -> None:
    """The flags of this module; `port` reads the number of a port."""
    add = parser.add_argument_group("TLS, proxy, service account").add_argument
    add("--tls-port", type=port, metavar="PORT", help="listen for TLS, too, with a certificate for "
        "Google's names by a test authority made at the start; 0 takes a free one")  # fmt: skip
    add("--proxy-port", type=port, metavar="PORT", help="be an HTTPS proxy, too, that leads "
        "Google's hosts here (by CONNECT) and refuses all others; 0 takes a free one")  # fmt: skip
    add("--ca-dir", metavar="DIR", help="where to put ca.pem, the certificate to trust (a "
        "temporary folder)")  # fmt: skip
    add("--universe", default=tls.DEFAULT_UNIVERSE, metavar="DOMAIN", help="what clients have as "
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN: www.DOMAIN is answered, too (%(default)s)")  # fmt: skip
    add("--service-account", metavar="FILE", help="write the JSON file of a service account "
        "whose tokens this emulator grants")  # fmt: skip


def secure(options: argparse.Namespace) -> TlsListeners | None:
    """Listeners and certificate, if TLS or the proxy is asked for.

    Raises `BadSetting`, and `OSError` for a port or a folder that cannot be used.
    """
    if options.tls_port is None and options.proxy_port is None:
        return None
    folder = Path(options.ca_dir) if options.ca_dir else _temporary()
    try:
        ca, context = tls.install(folder, options.universe)
    except ImportError as why:
        raise BadSetting(f"TLS needs the package cryptography: {why}") from None
    listener = _listen(options.host, options.tls_port or 0)
    proxy: socket.socket | None = None
    if options.proxy_port is not None:
        proxy = _listen(options.host, options.proxy_port)
    return TlsListeners(listener, context, ca, options.universe, proxy)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as why:
        raise BadSetting(f"cannot listen on {host} port {port}: {why.strerror or why}") from None


def _temporary() -> Path:
    folder = tempfile.mkdtemp(prefix="drive-emulator-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def write_account(path: Path, accounts: ServiceAccounts, token_uri: str) -> None:
    """A new key of the service account, in a file that only its owner may read.

    A file that is there is replaced only if it is the emulator's own: raises `BadSetting`.
    """
    if path.exists() and not _ours(path):
        raise BadSetting(f"{path} is there, and no service account of this emulator: not replaced")
    try:
        account = accounts.make(token_uri)
    except ImportError as why:
        raise BadSetting(f"a service account needs the package cryptography: {why}") from None
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(account), indent=2) + b"\n")


def _ours(path: Path) -> bool:
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return known.get("client_email", "").endswith("@emulator.iam.gserviceaccount.com")


def addresses(listener: socket.socket, tls_listeners: TlsListeners | None) -> dict[str, str]:
    """What `/_emu/addresses` tells: `http` and, where there are, `https`, `proxy` and `ca`."""
    told = {"http": url("http", listener)}
    if tls_listeners is not None:
        told |= {"https": url("https", tls_listeners.listener), "ca": str(tls_listeners.ca)}
        if tls_listeners.proxy is not None:
            told["proxy"] = url("http", tls_listeners.proxy)
    return told

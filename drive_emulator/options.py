"""The command line: its flags, and the state and listeners that they ask for."""

import argparse
import atexit
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from drive_emulator.auth.authenticator import KeyState
from drive_emulator.auth.service_accounts import ServiceAccounts
from drive_emulator.control.request_log import DEFAULT_LENGTH, MAX_LENGTH, RequestLog
from drive_emulator.control.state import State
from drive_emulator.faults.rule import parse_delay, parse_rule
from drive_emulator.http import tls
from drive_emulator.http.server import TlsListeners, url
from drive_emulator.quota.settings import PROFILES, QuotaSettings, changed
from drive_emulator.tree.store import TreeStore
from drive_emulator.validation import InvalidInput, decode

DEFAULT_KEY = "emulator-key"
DEFAULT_PORT = 28085
_BACKLOG = 2048
Value = TypeVar("Value")


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m drive_emulator",
        usage="%(prog)s [flags]",
        description="A Google Drive v3 server with generated files, for tests and demos.",
    )
    add = result.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one (%(default)s)")
    add("--seed", type=int, default=1, help="of ids and of the choice of pictures (%(default)s)")
    add("--tree", action="append", default=[], metavar="JSON", help="a further tree, repeatable: "
        """'{"name": "bench", "pictures": 10000, "size": 102400}'""")  # fmt: skip
    add("--render-sample", action="store_true", help="render the sample's pictures in the "
        "background from the start, not each when it is first needed")  # fmt: skip
    add("--stop-on-eof", action="store_true", help="stop when standard input ends, which it does "
        "when the process that started this one is gone")  # fmt: skip
    _add_access(result)
    _add_quota(result)
    _add_faults(result)
    _add_tls(result)
    return result


def _add_access(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("access").add_argument
    states = ", ".join(KeyState)
    add("--api-key", action="append", metavar="KEY[=STATE]", type=_checked(_key),
        help=f"a key, repeatable ({DEFAULT_KEY}); its state is one of: {states}")  # fmt: skip
    add("--bearer", action="append", default=[], metavar="TOKEN=ACCOUNT", type=_checked(_bearer),
        help="an access token that never expires, repeatable: "
        "t0ken=somebody@example.com")  # fmt: skip


def _add_quota(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("quota", "Settings that are not given are the profile's.")
    add = group.add_argument
    add("--quota", choices=sorted(PROFILES), default="none", metavar="PROFILE",
        help="units2026 (new projects: units per minute), legacy (12,000 requests per minute) or "
        "none (%(default)s)")  # fmt: skip
    add("--quota-project-per-minute", type=float, metavar="UNITS", help="for all keys and "
        "accounts together; 0 is no limit")  # fmt: skip
    add("--quota-user-per-minute", type=float, metavar="UNITS", help="for each account, quotaUser "
        "or address; 0 is no limit")  # fmt: skip
    add("--quota-set", type=_checked(_object), default={}, metavar="JSON", help="any other "
        "setting of POST /_emu/quota: "
        """'{"model": "window", "status": 429, "retry_after": "seconds"}'""")  # fmt: skip


def _add_faults(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("faults and log").add_argument
    add("--fault", action="append", default=[], type=_checked(parse_rule), metavar="JSON",
        help="a rule as for POST /_emu/faults, repeatable: "
        """'{"match": {"kinds": ["media"], "first": 3}, "effect": {"do": "refuse", """
        """"reason": "userRateLimitExceeded"}}'""")  # fmt: skip
    add("--delay", action="append", default=[], type=_checked(parse_delay), metavar="KIND=MS",
        help="delay the responses of a kind, repeatable: list=400")  # fmt: skip
    add("--log", type=_checked(_length), default=DEFAULT_LENGTH, metavar="LINES",
        help="how many requests to keep for GET /_emu/log (%(default)s)")  # fmt: skip


def _add_tls(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("TLS, proxy, service account").add_argument
    add("--tls-port", type=_port, metavar="PORT", help="also listen with TLS, with a certificate "
        "for Google's names by a test authority; 0 takes a free one")  # fmt: skip
    add("--proxy-port", type=_port, metavar="PORT", help="also be an HTTPS proxy (CONNECT) that "
        "only connects Google's hosts, to this emulator; 0 takes a free one")  # fmt: skip
    add("--ca-dir", metavar="DIR", help="where to write ca.pem, the certificate to trust (a "
        "temporary folder)")  # fmt: skip
    add("--universe", default=tls.DEFAULT_UNIVERSE, metavar="DOMAIN", help="the clients' "
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN: serves www.DOMAIN too (%(default)s)")  # fmt: skip
    add("--service-account", metavar="FILE", help="write the JSON key file of a service account "
        "that can get access tokens from this emulator")  # fmt: skip


def state_of(store: TreeStore, options: argparse.Namespace) -> State:
    state = State(store, dict(options.api_key or [(DEFAULT_KEY, KeyState.OK)]))
    for token, account in options.bearer:
        state.tokens.add(token, account)
    state.quota.change(_quota(options))
    for rule in (*options.delay, *options.fault):
        state.faults.add(rule)
    state.log = RequestLog(options.log)
    return state


def _quota(options: argparse.Namespace) -> QuotaSettings:
    settings: dict[str, Any] = {"profile": options.quota}
    for name in ("project_per_minute", "user_per_minute"):
        value = getattr(options, f"quota_{name}")
        if value is not None:
            settings[name] = value
    return changed(PROFILES[options.quota], settings | options.quota_set)


def tls_listeners(options: argparse.Namespace) -> TlsListeners | None:
    """Listeners and certificate, if TLS or the proxy is asked for.

    Raises `InvalidInput`, and `OSError` for a folder that cannot be written.
    """
    if options.tls_port is None and options.proxy_port is None:
        return None
    folder = Path(options.ca_dir) if options.ca_dir else _temporary_folder()
    try:
        ca, context = tls.install(folder, options.universe)
    except ImportError as why:
        raise InvalidInput(f"TLS needs the package cryptography: {why}") from None
    listener = open_listener(options.host, options.tls_port or 0)
    has_proxy = options.proxy_port is not None
    proxy = open_listener(options.host, options.proxy_port) if has_proxy else None
    return TlsListeners(listener, context, ca, options.universe, proxy)


def open_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as why:
        reason = os.strerror(why.errno) if why.errno else str(why)
        raise InvalidInput(f"cannot listen on {host} port {port}: {reason}") from None


def _temporary_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="drive-emulator-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def write_service_account(path: Path, accounts: ServiceAccounts, token_uri: str) -> None:
    """Write a new key of the service account to a file that only its owner can read.

    An existing file is replaced only if it is a key of this emulator; raises `InvalidInput`.
    """
    if path.exists() and not _is_service_account(path):
        raise InvalidInput(f"{path} exists and is not a key of this emulator: not replaced")
    try:
        account = accounts.make(token_uri)
    except ImportError as why:
        raise InvalidInput(f"service accounts need the package cryptography: {why}") from None
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(account), indent=2) + b"\n")


def _is_service_account(path: Path) -> bool:
    try:
        account = decode(path.read_bytes(), dict[str, str], "service account")
    except (OSError, InvalidInput):
        return False
    return account.get("client_email", "").endswith("@emulator.iam.gserviceaccount.com")


def addresses(listener: socket.socket, secured: TlsListeners | None) -> dict[str, str]:
    """`http` and, if there are such listeners, `https`, `proxy` and `ca`."""
    result = {"http": url("http", listener)}
    if secured is not None:
        result |= {"https": url("https", secured.listener), "ca": str(secured.ca)}
        if secured.proxy is not None:
            result["proxy"] = url("http", secured.proxy)
    return result


def _checked(read: Callable[[str], Value]) -> Callable[[str], Value]:

    def checked(text: str) -> Value:
        try:
            return read(text)
        except InvalidInput as why:
            raise argparse.ArgumentTypeError(str(why)) from None

    return checked


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


def _key(text: str) -> tuple[str, KeyState]:
    key, equals, state = text.rpartition("=")
    if equals and state in list(KeyState):
        return key, KeyState(state)
    return text, KeyState.OK


def _bearer(text: str) -> tuple[str, str]:
    token, _, account = text.partition("=")
    if not token or not account:
        raise InvalidInput("expected TOKEN=ACCOUNT")
    return token, account


def _object(text: str) -> dict[str, Any]:
    return decode(text, dict[str, Any], "object of settings")


def _length(text: str) -> int:
    if not text.isdecimal() or len(text) > 12 or int(text) > MAX_LENGTH:
        raise InvalidInput(f"expected a number of lines, at most {MAX_LENGTH:,}")
    return int(text)

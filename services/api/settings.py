"""Where the api listens, and which host names it answers to, against DNS rebinding.

A page elsewhere can make its own name lead to our address. Its requests then count as ours, and
only the Host header tells. An IP address cannot be pointed elsewhere, so addresses always pass.

Litestar's allowed-hosts middleware is not used: it compares the port too, which a container or a
proxy may change, and it does not see requests that no route takes.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from services.api.cors import ORIGIN
from services.api.keys import ApiKeys
from services.core.api_keys import parse_keys
from services.core.parked import ParkedFiles
from services.core.settings import Reader

HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]{1,5})?")
PATTERN = re.compile(r"\*|(?:\*\.)?[0-9a-z_-]+(?:\.[0-9a-z_-]+)*")
"""What a list may hold: a name, `*.` and a name for all names below it, or `*` for any name."""


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """Port 0 takes any free one. `public_url` is the API's address as browsers reach it; empty
    where a request's own host is. 0 requests a minute is no limit."""

    host: str
    port: int
    allowed_hosts: frozenset[str]
    public_url: str
    keys: ApiKeys = field(default_factory=ApiKeys)
    origins: frozenset[str] = frozenset()
    requests_per_minute: int = 60_000
    connections: int = 1_000
    parked: ParkedFiles = field(default_factory=ParkedFiles)
    stalled_after: float = 30.0

    @classmethod
    def read(cls, reader: Reader) -> "ApiSettings":
        host = reader.text("HOST", "127.0.0.1")
        port = reader.number("PORT", 3000, at_least=0, at_most=65535)
        address = _address(host)
        loopback = address.is_loopback if address else host.lower() == "localhost"
        keys = _keys(reader, loopback)
        public_url = reader.url("API_PUBLIC_URL", "")
        given = reader.text("ALLOWED_HOSTS", "").lower().split(",")
        listed = {name.strip() for name in given} - {""}
        if not all(map(PATTERN.fullmatch, listed)):
            reader.faults.append(
                "ALLOWED_HOSTS must be host names separated by commas, without scheme or port, "
                "such as api.example.org,*.example.net."
            )
        own = {host.lower(), _name(public_url.partition("://")[2].partition("/")[0])} - {""}
        allowed_hosts = frozenset({"localhost"} | own | listed)
        return cls(
            host=host,
            port=port,
            allowed_hosts=allowed_hosts,
            public_url=public_url,
            keys=keys,
            origins=_origins(reader),
            requests_per_minute=reader.number("API_REQUESTS_PER_MINUTE", 60_000, 0, 10_000_000),
            connections=reader.number("API_CONNECTIONS", 1_000, 10, 100_000),
            parked=ParkedFiles.read(reader),
            stalled_after=reader.number("STALLED_AFTER_SECONDS", 30, 1, 86_400),
        )


def _keys(reader: Reader, loopback: bool) -> ApiKeys:
    keys, faults = parse_keys(reader.text("API_KEYS", ""))
    reader.faults += faults
    # API_OPEN is what ALLOW_WITHOUT_KEYS was called before there were keys.
    allowed = reader.flag("ALLOW_WITHOUT_KEYS", False) or reader.flag("API_OPEN", False)
    if not (keys or faults or loopback or allowed):
        reader.faults.append(
            "HOST makes the API reachable from other machines, and it has no keys. Set API_KEYS "
            "(`drivestream key NAME SCOPE` makes one), or HOST=127.0.0.1. To let everyone who "
            "reaches it use it, set ALLOW_WITHOUT_KEYS=true."
        )
    return ApiKeys(keys, reader.secret("DATABASE_URL", "").reveal())


def _origins(reader: Reader) -> frozenset[str]:
    given = reader.text("CORS_ORIGINS", "").lower().split(",")
    origins = {origin.strip() for origin in given} - {""}
    if not all(map(ORIGIN.fullmatch, origins)):
        reader.faults.append(
            "CORS_ORIGINS must be origins separated by commas, each with scheme and without path, "
            "such as https://app.example.org,http://localhost:8080."
        )
    return frozenset(origins)


def is_allowed(header: bytes, allowed: Collection[str]) -> bool:
    """Whether a Host header names one of these hosts, with any port, or an IP address."""
    name = _name(header.decode("latin-1"))
    if not name or _address(name):
        return bool(name)
    parents = {f"*{name[at:]}" for at, letter in enumerate(name) if letter == "."}
    return not {name, "*", *parents}.isdisjoint(allowed)


def _name(host: str) -> str:
    """The name or address in `name:port` or `[address]:port`; empty if it is neither."""
    found = HOST.fullmatch(host)
    return (found["ipv6"] or found["name"]).lower() if found else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None

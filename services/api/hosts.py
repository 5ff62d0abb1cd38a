"""Which host names the API answers to, against DNS rebinding. Pure.

A page elsewhere can make its own name lead to our address. Its requests then count as ours, and
only the Host header tells. An IP address cannot be pointed elsewhere, so addresses always pass.

Litestar's allowed-hosts middleware is not used: it compares the port too, which a container or a
proxy may change, and it does not see requests that no route takes.
"""

import re
from collections.abc import Collection
from ipaddress import ip_address

HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]{1,5})?")
PATTERN = re.compile(r"\*|(?:\*\.)?[0-9a-z_-]+(?:\.[0-9a-z_-]+)*")
"""What a list may hold: a name, `*.` and a name for all names below it, or `*` for any name."""


def is_allowed(header: bytes, allowed: Collection[str]) -> bool:
    """Whether a Host header names one of these hosts, with any port, or an IP address."""
    name = name_in(header.decode("latin-1"))
    parents = {f"*{name[at:]}" for at, letter in enumerate(name) if letter == "."}
    return bool(name) and (_is_address(name) or not {name, "*", *parents}.isdisjoint(allowed))


def name_in(host: str) -> str:
    """The name or address in `name:port` or `[address]:port`; empty if it is neither."""
    found = HOST.fullmatch(host)
    return (found["ipv6"] or found["name"]).lower() if found else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

"""How many requests one client may send: a bucket of a minute's worth, which refills steadily."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil

from litestar.types import HTTPScope

from services.api.keys import Caller
from services.api.problems import Problem

WINDOW_SECONDS = 60.0
MOST_CLIENTS = 10_000
"""The client that has been silent longest is forgotten, and starts with a full bucket again."""
UNLIMITED = "/health/"
"""Probes often come from the address of a proxy, and must not fail because of its other clients."""


class RateLimit:
    """One for all routes. 0 requests a minute is no limit."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._empty_until: OrderedDict[str, float] = OrderedDict()

    def check(self, scope: HTTPScope, caller: Caller) -> None:
        """Count a request; raises a `too_many_requests` problem."""
        if not self._per_minute or scope["path"].startswith(UNLIMITED):
            return
        wait = self._wait(f"key {caller.name}" if caller.name else client_of(scope))
        if wait > 0:
            who = f"the key {caller.name}" if caller.name else "your address"
            raise Problem(
                "too_many_requests",
                f"Too many requests with {who}: the limit is {self._per_minute:,} a minute.",
                {"Retry-After": str(ceil(wait))},
            )

    def _wait(self, client: str) -> float:
        """The generic cell rate algorithm: a time for each client is all there is to remember."""
        now, each = self._now(), WINDOW_SECONDS / self._per_minute
        until = max(self._empty_until.get(client, now), now) + each
        if until - now > WINDOW_SECONDS:
            return until - now - WINDOW_SECONDS
        self._empty_until[client] = until
        self._empty_until.move_to_end(client)
        if len(self._empty_until) > MOST_CLIENTS:
            self._empty_until.popitem(last=False)
        return 0.0


def client_of(scope: HTTPScope) -> str:
    """The address. Of IPv6 the network, since one client has many addresses."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return address.exploded[:19]
    return host

"""What pyreqwest's errors say: only their causes, the outermost first, tell them apart."""

import re

from pyreqwest.exceptions import RequestError

ERRNO = re.compile(r" \(os error \d+\)$")
CONNECTING = "client error (Connect)"
"""Of hyper. `ConnectError` also stands for a connection that was closed before the answer."""


def is_unconnected(why: RequestError) -> bool:
    """Whether there was no connection at all, nor a TLS session on it."""
    return CONNECTING in _causes(why)


def words(why: RequestError) -> str:
    """Those of the innermost cause, without the system's error number."""
    return ERRNO.sub("", (_causes(why) or [why.message])[-1])


def _causes(why: RequestError) -> list[str]:
    return [cause["message"] for cause in why.details["causes"] or ()]

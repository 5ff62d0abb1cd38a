"""What the environment may tell our libraries: a proxy, and nothing that is a setting of theirs.

obstore takes every `AWS_*` and every proxy from the environment, libpq every `PG*`, in silence.
Either could send objects or rows elsewhere.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """The address in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; None where NO_PROXY names this one."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def forget(names: re.Pattern[str]) -> dict[str, str]:
    """Take the variables of these names out of this process; what they were."""
    return {name: os.environ.pop(name) for name in list(os.environ) if names.fullmatch(name)}


@contextmanager
def without(names: re.Pattern[str]) -> Iterator[None]:
    """For a block in which a client is made that reads the environment only then."""
    found = forget(names)
    try:
        yield
    finally:
        os.environ.update(found)

"""What the environment may tell our libraries: a proxy, and nothing that is a setting of theirs.

obstore takes every `AWS_*` and every proxy from the environment, libpq every `PG*`, in silence.
Either could send objects or rows elsewhere. Others read theirs as soon as they are imported.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from services.core.settings import SettingsError

OF_LIBRARIES = re.compile(
    r"OTEL_(?!(EXPORTER_OTLP_ENDPOINT|SERVICE_NAME|TRACES_SAMPLER|TRACES_SAMPLER_ARG)$).+"
    r"|(PROMETHEUS|PSYCOPG|LITESTAR|SQLALCHEMY|ALEMBIC|AIOHTTP|PILLOW)_.+|.+_NO_EXTENSIONS"
    r"|WEB_CONCURRENCY|FORWARDED_ALLOW_IPS|SSLKEYLOGFILE|NETRC",
    re.IGNORECASE,
)
"""Taken out before any library is imported: see `services/__init__.py`. Of OpenTelemetry's, four
are settings of ours, too (`adapters/tracing/settings.py`)."""


def proxy_for(url: str) -> str | None:
    """The address in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; None where NO_PROXY names this one,
    and on this machine. Raises `SettingsError` where it is no address of a proxy."""
    parts = urlsplit(url)
    if _is_here(parts.hostname or "") or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    whole = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_proxy(whole):
        name = f"{parts.scheme.upper()}_PROXY or ALL_PROXY"
        raise SettingsError(f"{name} must be a URL such as http://host:port.")
    return whole


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


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

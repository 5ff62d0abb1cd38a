"""The versions of everything that runs here: the first question about every bug report."""

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from local.doctor.findings import Finding, wrong

OLDEST = (3, 11)
LIBRARIES = (
    "confluent-kafka",
    "httpx",
    "aiohttp",
    "obstore",
    "psycopg",
    "sqlalchemy",
    "google-auth",
)


def versions() -> Sequence[Finding]:
    """Drivestream, Python, the platform, and the libraries that talk to other systems."""
    python = platform.python_version()
    if sys.version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        first = wrong("Python", python, f"Use Python {needed} or newer.")
    else:
        first = Finding(check="Python", seen=python)
    known = [f"{name} {found}" for name in LIBRARIES if (found := _version(name))]
    return [
        Finding(
            check="Drivestream", seen=_version("drivestream") or "a checkout that is not installed"
        ),
        first,
        Finding(
            check="System", seen=f"{platform.system()} {platform.release()} on {platform.machine()}"
        ),
        Finding(check="Libraries", seen=", ".join(known)),
    ]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

"""Where downloads are kept (per user) and where this checkout is."""

from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def cache_dir(env: Mapping[str, str]) -> Path:
    """The user's cache for what we fetch: it survives `git clean` and is shared by checkouts."""
    base = env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "~")).expanduser() / ".cache"
    return Path(base) / "drivestream"

"""Where this checkout is, and where downloads are kept for the user."""

from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def cache_dir(env: Mapping[str, str]) -> Path:
    """The user's cache of downloads, shared by all checkouts."""
    base = env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "~")).expanduser() / ".cache"
    return Path(base) / "drivestream"


def data_dir(env: Mapping[str, str]) -> Path:
    """Where one machine keeps its servers' data: DATA_DIR, else the user's data directory."""
    if env.get("DATA_DIR"):
        return Path(env["DATA_DIR"]).expanduser()
    home = env.get("XDG_DATA_HOME") or Path(env.get("HOME", "~")).expanduser() / ".local" / "share"
    return Path(home) / "drivestream"

"""Where this checkout is, and where downloads are kept for the user."""

from collections.abc import Mapping
from pathlib import Path

from services.core.settings import SettingsError

CHECKOUT = Path(__file__).resolve().parent.parent


def cache_dir(env: Mapping[str, str]) -> Path:
    """The user's cache of downloads, shared by all checkouts."""
    return _base(env, "XDG_CACHE_HOME", ".cache") / "drivestream"


def data_dir(env: Mapping[str, str]) -> Path:
    """Where one machine keeps its servers' data: DATA_DIR, else the user's data directory."""
    if env.get("DATA_DIR"):
        return _expanded("DATA_DIR", env["DATA_DIR"])
    return _base(env, "XDG_DATA_HOME", ".local/share") / "drivestream"


def _base(env: Mapping[str, str], name: str, in_home: str) -> Path:
    return Path(env.get(name) or _expanded("HOME", env.get("HOME") or "~") / in_home)


def _expanded(name: str, path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # a user that the system does not know
        raise SettingsError(
            f"{name} is not a home folder. Set it to the full path of a folder."
        ) from None

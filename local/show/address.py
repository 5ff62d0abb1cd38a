"""Where the API is, and the key that it asks for."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from local.run.data_folder import DataFolder, DataFolderError
from services.core.settings import SettingsError


def api_address(text: str) -> str:
    """The address, checked; `ValueError` says what is wrong with it, and repeats no password."""
    parts = urlsplit(text)
    known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    if not known or not text.isprintable() or parts.query or parts.fragment:
        raise ValueError("it must be a URL such as http://host:port")
    if "@" in parts.netloc:
        raise ValueError("it must not contain a user name or password")
    return text.rstrip("/")


def find_api(given: str | None, env: Mapping[str, str], folder: DataFolder) -> str:
    """The address given, else that in DRIVESTREAM_URL, else that of the copy that runs here.

    Raises `SettingsError`, and `DataFolderError` if nothing runs here.
    """
    if given:
        return given
    if env.get("DRIVESTREAM_URL"):
        try:
            return api_address(env["DRIVESTREAM_URL"])
        except ValueError as error:
            raise SettingsError(f"DRIVESTREAM_URL is not valid: {error}.") from None
    copy = folder.running()
    if not copy or not copy.settings.get("API_URL"):
        nothing = f"Nothing is running on {folder.path}"
        what = "The instance here is still starting" if copy else nothing
        raise DataFolderError(
            f"{what}. Run `drivestream up`, or name the API with --api URL or DRIVESTREAM_URL."
        )
    return copy.settings["API_URL"]


def api_key(env: Mapping[str, str]) -> str:
    """The key in DRIVESTREAM_API_KEY; empty without one. `SettingsError` repeats no part of it."""
    key = env.get("DRIVESTREAM_API_KEY", "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError("DRIVESTREAM_API_KEY is not an API key: it has other characters.")
    return key

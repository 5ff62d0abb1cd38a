"""Where the API is."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from local.run.data_folder import DataFolder, DataFolderError
from services.core.settings import SettingsError


def api_address(text: str) -> str:
    """The address, checked; `ValueError` says what is wrong with it, and repeats no password."""
    parts = urlsplit(text)
    known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    if not known or not text.isprintable() or parts.query or parts.fragment:
        raise ValueError("not an address like http://host:port")
    if "@" in parts.netloc:
        raise ValueError("an address without a user name and a password is needed")
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
            raise SettingsError(f"DRIVESTREAM_URL is {error}.") from None
    copy = folder.running()
    if not copy or not copy.settings.get("API_URL"):
        what = "The copy here is still starting" if copy else f"Nothing runs on {folder.path}"
        raise DataFolderError(
            f"{what}. Start `drivestream up`, or name the API with --api URL or DRIVESTREAM_URL."
        )
    return copy.settings["API_URL"]

"""How a request says who sends it: with an API key, or as a service account (`account.py`).

Neither is ever part of an address, so that no log and no proxy shows it.
"""

import re
from collections.abc import Mapping

from services.adapters.drive.settings import DriveSettings

# What can be sent in a header. A key or token with any other character is none of Google's.
HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


class Authenticator:
    """Who sends the requests: with an API key, anybody.

    Without `quota_user` (at most 40 characters) Google counts a key's requests by address, and
    workers behind several addresses would not share one quota.

    `query` is added to every request. No message may contain `secret`, the key or current token.
    """

    is_service_account = False

    def __init__(self, key: str = "", quota_user: str = "") -> None:
        self.secret = key
        self.query = {"quotaUser": quota_user} if quota_user else {}
        # A key that cannot be a header is not sent. Google then explains what to do about it.
        self._headers = {"X-Goog-Api-Key": key} if HEADER_VALUE.fullmatch(key) else {}

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """The proof; another one than Google rejected, if there can be one.

        Raises `Stop` where there can be none, and `TryAgain` where there is none now.
        """
        return self._headers


def authenticator_for(settings: DriveSettings) -> Authenticator:
    """Raises `SettingsError` where the key file of a service account is not one."""
    if settings.credentials_file is None:
        return Authenticator(settings.api_key.reveal(), settings.quota_user)
    # google-auth takes half a second to import, which a process with an API key is spared.
    from services.adapters.drive.account import read_account

    return read_account(settings.credentials_file)

"""How a request says who sends it: with an API key, or as a service account (`account.py`).

Neither is ever part of an address, so that no log and no proxy shows it.
"""

import re
from collections.abc import Mapping

from services.adapters.drive.settings import DriveSettings
from services.core.settings import Secret

HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
"""What can be sent in a header. A key or token with any other character is none of Google's."""


class Authenticator:
    """Who sends the requests.

    `is_service_account` decides how a refusal is worded. `query` is added to every request. No
    message may contain `secret`, the key or the current token.
    """

    is_service_account = False
    query: Mapping[str, str] = {}
    secret = ""
    _headers: Mapping[str, str] = {}

    async def headers(self) -> Mapping[str, str]:
        """Raises `Stop` where there can be no proof, and `TryAgain` where there is none now."""
        return self._headers

    async def renew(self, rejected: Mapping[str, str]) -> bool:
        """Whether `headers` now gives something other than what was rejected."""
        return False


class ApiKey(Authenticator):
    """An API key. It makes us anonymous, so `quota_user` says whose quota is spent.

    Without `quota_user` (at most 40 characters) Google counts by address, and workers behind
    several addresses would not share one quota.
    """

    def __init__(self, key: Secret, quota_user: str) -> None:
        self.secret = key.reveal()
        # A key that cannot be a header is not sent. Google then explains what to do about it.
        if HEADER_VALUE.fullmatch(self.secret):
            self._headers = {"X-Goog-Api-Key": self.secret}
        if quota_user:
            self.query = {"quotaUser": quota_user}


def authenticator_for(settings: DriveSettings) -> Authenticator:
    """Raises `SettingsError` where the key file of a service account is not one."""
    if settings.credentials_file is None:
        return ApiKey(settings.api_key, settings.quota_user)
    # google-auth takes half a second to import, which a process with an API key is spared.
    from services.adapters.drive.account import read_account

    return read_account(settings.credentials_file)

"""How a request says who asks: by an API key, or by a service account (`account.py`).

Neither ever travels in an address, so that no log and no proxy shows it.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from services.core.settings import Secret

SIGNABLE = re.compile(r"[\x21-\x7e]+")
"""What can be the value of a header; a key or token of anything else is none of Google's."""


class Signs(Protocol):
    """Who asks. `account` decides how a refusal is told, `query` goes with every request."""

    account: bool
    query: Mapping[str, str]

    async def headers(self) -> Mapping[str, str]:
        """What proves it. Raises `Stop` where nothing can, `TryAgain` where nothing can now."""
        ...

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Whether `headers()` is now something else than what was refused, and worth a try."""
        ...


class ApiKey:
    """A key makes us anonymous: `quota_user` (at most 40 characters) says whose quota is spent.

    Without it Google counts by address, and workers behind several would share no common bucket.
    """

    account = False

    def __init__(self, key: Secret, quota_user: str = "") -> None:
        revealed = key.reveal()
        # What cannot be a header is left out: Google then says, as for any wrong key, what to do.
        known = SIGNABLE.fullmatch(revealed)
        self._headers = {"X-Goog-Api-Key": revealed} if known else {}
        self.query: Mapping[str, str] = {"quotaUser": quota_user} if quota_user else {}

    async def headers(self) -> Mapping[str, str]:
        """The key's header."""
        return self._headers

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Never: a key stays what it is."""
        return False

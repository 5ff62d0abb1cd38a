"""Who sent a request."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b


@dataclass(frozen=True, kw_only=True)
class Caller:
    """An API key is anonymous; an access token belongs to an account.

    `user` is whose per-user quota is spent: the account or, for an anonymous caller, `quotaUser`,
    or else the IP address. `resource_keys` come from the header X-Goog-Drive-Resource-Keys, by
    file id.
    """

    key: str = ""
    account: str = ""
    user: str = ""
    resource_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def my_drive(self) -> str:
        """The id of the account's own root folder: 19 characters, like Google's."""
        digest = blake2b(self.account.encode(errors="surrogateescape"), digest_size=12).digest()
        return f"0A{urlsafe_b64encode(digest).decode()[:14]}PVA"

    def owns(self, file_id: str) -> bool:
        """Whether the id, or the alias `root`, is the account's own root folder."""
        mine = file_id == "root" or (file_id.startswith("0A") and file_id == self.my_drive)
        return mine and bool(self.account)

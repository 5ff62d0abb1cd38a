"""Who asks, as far as a request shows it."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The holder of an API key is anonymous; the bearer of a token is an account.

    `user` names whose per-user quota is spent: `quotaUser` (of anonymous callers only), else the
    account, else the address that the request came from. `resource_keys` are those of the header
    X-Goog-Drive-Resource-Keys, by file id.
    """

    key: str = ""
    account: str = ""
    user: str = ""
    resource_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def my_drive(self) -> str:
        """The id of the account's own folder, as those of Google: 19 characters."""
        digest = blake2b(self.account.encode(errors="surrogateescape"), digest_size=12).digest()
        return f"0A{urlsafe_b64encode(digest).decode()[:14]}PVA"

    def owns(self, file_id: str) -> bool:
        """Whether this is the caller's My Drive: by its id, or as `root`, as an account can say."""
        mine = file_id == "root" or (file_id.startswith("0A") and file_id == self.my_drive)
        return mine and bool(self.account)

"""Who asks, as far as a request shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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

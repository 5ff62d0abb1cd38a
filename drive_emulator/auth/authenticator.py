"""Who asks: an API key, a Bearer token, or nobody."""

import secrets
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from drive_emulator.auth.caller import Caller
from drive_emulator.clock import Clock
from drive_emulator.http import errors
from drive_emulator.http.messages import Request

DEFAULT_LIFE_S = 3_600.0  # as Google's own
_MOST = 100_000


class Tokens:
    """Issued by the token endpoint, or fixed from the start (`--bearer`)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}  # token -> account, when it ends

    def issue(self, account: str, life_s: float = DEFAULT_LIFE_S) -> str:
        """A new token of the account; the oldest is forgotten when there are too many."""
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self.fix(token, account, life_s)
        return token

    def fix(self, token: str, account: str, life_s: float = float("inf")) -> None:
        """Take a given token as the account's, for ever unless a life is given."""
        if len(self._held) >= _MOST and token not in self._held:
            del self._held[next(iter(self._held))]
        self._held[token] = (account, self._clock.now() + life_s)

    def revoke(self, token: str) -> None:
        """Nobody's from now on."""
        self._held.pop(token, None)

    def account(self, token: str) -> str | None:
        """Whose it is; None for one that nobody issued, or that has ended."""
        account, ends = self._held.get(token, ("", 0.0))
        return account if self._clock.now() < ends else None


MAX_QUOTA_USER = 40  # characters; source: the discovery document
_MAX_KEYS = 10_000
_TOKENS_IN_QUERY = ("access_token", "oauth_token")
_TELLING = frozenset({b"authorization", b"x-goog-drive-resource-keys"})
_ASKING = frozenset({*_TOKENS_IN_QUERY, "quotaUser"})


class KeyState(StrEnum):
    """What becomes of requests with a key. An unknown key is `invalid`."""

    OK = "ok"
    INVALID = "invalid"
    DISABLED = "disabled"
    REFERRER_BLOCKED = "referrer_blocked"
    IP_BLOCKED = "ip_blocked"


_REFUSALS = {
    KeyState.INVALID: errors.invalid_key,
    KeyState.DISABLED: errors.service_disabled,
    KeyState.REFERRER_BLOCKED: errors.referrer_blocked,
    KeyState.IP_BLOCKED: errors.ip_blocked,
}


class Authenticator:
    """The keys that there are, and the accounts that tokens stand for."""

    def __init__(self, tokens: Tokens, keys: Mapping[str, KeyState] | None = None) -> None:
        self.keys = dict(keys or {})
        self._tokens = tokens

    def set_key(self, key: str, state: KeyState) -> None:
        """Raises `ValueError` for an empty key, and for one more than can be kept."""
        if not key or (key not in self.keys and len(self.keys) >= _MAX_KEYS):
            raise ValueError(f"a key is not empty, and there are {_MAX_KEYS:,} at most")
        self.keys[key] = state

    def caller(self, request: Request, media: bool = False) -> Caller:
        """Raises `ApiError` for a key or a token that does not let anybody in.

        A token in the query is refused for media, as Drive has done since 2020.
        """
        key = key_of(request)
        if not _TELLING.isdisjoint(request.headers) or not _ASKING.isdisjoint(request.params):
            return self._caller(request, key, self._account(request, media))
        self._check(key, "")
        return _anonymous(key, request.client)

    def _check(self, key: str, account: str) -> None:
        if key:
            refusal = _REFUSALS.get(self.keys.get(key, KeyState.INVALID))
            if refusal is not None:
                raise refusal()
        elif not account:
            raise errors.missing_key()

    def _caller(self, request: Request, key: str, account: str) -> Caller:
        self._check(key, account)
        quota_user = request.params.get("quotaUser", "")
        if len(quota_user) > MAX_QUOTA_USER:
            raise errors.invalid_parameter("quotaUser", "Invalid value: at most 40 characters")
        return Caller(
            key=key,
            account=account,
            user=account or quota_user or request.client,
            resource_keys=_resource_keys(request.header(b"x-goog-drive-resource-keys")),
        )

    def _account(self, request: Request, media: bool) -> str:
        """Of the token in the header or the query; nothing where there is no token."""
        scheme, _, token = request.header(b"authorization").partition(" ")
        if scheme:
            account = self._tokens.account(token.strip()) if scheme.lower() == "bearer" else None
        else:
            token = next((request.params[n] for n in _TOKENS_IN_QUERY if n in request.params), "")
            if not token:
                return ""
            account = None if media else self._tokens.account(token)
        if account is None:
            raise errors.invalid_credentials()
        return account


def key_of(request: Request) -> str:
    """`key=` or `X-Goog-Api-Key`, or nothing."""
    return request.params.get("key") or request.header(b"x-goog-api-key")


@lru_cache(maxsize=256)
def _anonymous(key: str, client: str) -> Caller:
    return Caller(key=key, user=client)


def _resource_keys(header: str) -> Mapping[str, str]:
    """By file id; `id1/key1,id2/key2`. What is no such pair is passed over."""
    if not header:
        return {}
    pairs = (pair.strip().partition("/") for pair in header.split(","))
    return {file_id: key for file_id, slash, key in pairs if slash and file_id and key}

"""Finds out who sent a request, from its API key or access token."""

import secrets
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from drive_emulator.auth.caller import Caller
from drive_emulator.clock import Clock
from drive_emulator.http.errors import (
    IP_BLOCKED,
    PRESETS,
    REFERRER_BLOCKED,
    invalid_credentials,
    invalid_parameter,
    named_error,
    preset_error,
)
from drive_emulator.http.messages import Request
from drive_emulator.validation import InvalidInput

MAX_QUOTA_USER = 40  # characters; source: the discovery document
DEFAULT_LIFE_S = 3_600.0  # as long as Google's access tokens
_MAX_KEYS = 10_000
_MAX_TOKENS = 100_000
_TOKEN_PARAMS = ("access_token", "oauth_token")
_AUTH_HEADERS = frozenset({b"authorization", b"x-goog-drive-resource-keys"})
_AUTH_PARAMS = frozenset({*_TOKEN_PARAMS, "quotaUser"})


class KeyState(StrEnum):
    """How requests with an API key are answered. Unknown keys are `invalid`."""

    OK = "ok"
    INVALID = "invalid"
    DISABLED = "disabled"
    REFERRER_BLOCKED = "referrer_blocked"
    IP_BLOCKED = "ip_blocked"


_KEY_ERRORS = {
    KeyState.INVALID: PRESETS["apiKeyInvalid"],
    KeyState.DISABLED: PRESETS["accessNotConfigured"],
    KeyState.REFERRER_BLOCKED: REFERRER_BLOCKED,
    KeyState.IP_BLOCKED: IP_BLOCKED,
}


class AccessTokens:
    """Access tokens: which account each belongs to, and until when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}  # token -> account, expiry

    def issue(self, account: str, life_s: float = DEFAULT_LIFE_S) -> str:
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self.add(token, account, life_s)
        return token

    def add(self, token: str, account: str, life_s: float = float("inf")) -> None:
        """Accept a given token; the oldest is forgotten when there are too many."""
        if len(self._tokens) >= _MAX_TOKENS and token not in self._tokens:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[token] = (account, self._clock.now() + life_s)

    def revoke(self, token: str) -> None:
        self._tokens.pop(token, None)

    def account(self, token: str) -> str | None:
        """Whose token it is; None for one that is unknown or has expired."""
        account, expiry = self._tokens.get(token, ("", 0.0))
        return account if self._clock.now() < expiry else None


class Authenticator:
    """Knows the API keys and access tokens that are accepted."""

    def __init__(self, tokens: AccessTokens, keys: Mapping[str, KeyState] | None = None) -> None:
        self.keys = dict(keys or {})
        self._tokens = tokens

    def set_key(self, key: str, state: KeyState) -> None:
        """Add a key or change its state; raises `InvalidInput`."""
        if not key or (key not in self.keys and len(self.keys) >= _MAX_KEYS):
            raise InvalidInput(f"a key must not be empty, and there can be {_MAX_KEYS:,} at most")
        self.keys[key] = state

    def authenticate(self, request: Request, media: bool = False) -> Caller:
        """The caller of a request; raises `ApiError` for a bad or missing key or token.

        For media, a token in the query is refused, as Drive has done since 2020.
        """
        key = key_of(request)
        if _AUTH_HEADERS.isdisjoint(request.headers) and _AUTH_PARAMS.isdisjoint(request.params):
            self._check_key(key, "")
            return _anonymous(key, request.client)
        account = self._account(request, media)
        self._check_key(key, account)
        quota_user = request.params.get("quotaUser", "")
        if len(quota_user) > MAX_QUOTA_USER:
            raise invalid_parameter("quotaUser", "Invalid value: at most 40 characters")
        return Caller(
            key=key,
            account=account,
            user=account or quota_user or request.client,
            resource_keys=_resource_keys(request.header(b"x-goog-drive-resource-keys")),
        )

    def _check_key(self, key: str, account: str) -> None:
        if key:
            error = _KEY_ERRORS.get(self.keys.get(key, KeyState.INVALID))
            if error is not None:
                raise preset_error(error)
        elif not account:
            raise named_error("missingKey")

    def _account(self, request: Request, media: bool) -> str:
        scheme, _, token = request.header(b"authorization").partition(" ")
        if scheme:
            account = self._tokens.account(token.strip()) if scheme.lower() == "bearer" else None
        else:
            token = next((request.params[n] for n in _TOKEN_PARAMS if n in request.params), "")
            if not token:
                return ""
            account = None if media else self._tokens.account(token)
        if account is None:
            raise invalid_credentials()
        return account


def key_of(request: Request) -> str:
    """The API key, from `key=` or X-Goog-Api-Key; empty if there is none."""
    return request.params.get("key") or request.header(b"x-goog-api-key")


@lru_cache(maxsize=256)
def _anonymous(key: str, client: str) -> Caller:
    return Caller(key=key, user=client)


def _resource_keys(header: str) -> Mapping[str, str]:
    """Resource keys by file id, from `id1/key1,id2/key2`; malformed pairs are ignored."""
    if not header:
        return {}
    pairs = (pair.strip().partition("/") for pair in header.split(","))
    return {file_id: key for file_id, slash, key in pairs if slash and file_id and key}

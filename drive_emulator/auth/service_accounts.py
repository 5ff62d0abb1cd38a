"""Service accounts: the JSON key files that Google's clients read, and the JWTs signed with them.

An assertion is a JWT signed with the account's key (RFC 7523). The checks and their messages are
from developers.google.com/identity/protocols/oauth2/service-account and from the issue trackers of
Google's clients.
"""

import binascii
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from drive_emulator.validation import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

EMAIL = "drivestream@emulator.iam.gserviceaccount.com"
_PROJECT = "emulator"
_MAX_ASSERTION = 16_384  # characters of an assertion
_LIFE_S = 3_600  # the longest that Google accepts
_SKEW_S = 300
_MAX_KEYS = 1_000


class OAuthError(Exception):
    """An OAuth error response: code, status and Google's description."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status


class _Header(msgspec.Struct):
    alg: str
    kid: str = ""


class _Claims(msgspec.Struct):
    iss: str = ""
    aud: str = ""
    scope: str = ""
    sub: str = ""
    iat: float = 0.0
    exp: float = 0.0


@dataclass(frozen=True)
class Assertion:
    """The account that signed, and the scopes that it asks for."""

    account: str
    scopes: frozenset[str]


class ServiceAccounts:
    """The service accounts of this emulator; only the public half of each key is kept."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], RSAPublicKey] = {}

    def make(self, token_uri: str, email: str = EMAIL) -> dict[str, str]:
        """A new key of the account, as the JSON file that Google's console offers for download.

        Raises `ImportError` without `cryptography`, `InvalidInput` after a thousand keys.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        if len(self._keys) >= _MAX_KEYS:
            raise InvalidInput(f"there can be {_MAX_KEYS:,} keys at most")
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        key_id = secrets.token_hex(20)
        self._keys[email, key_id] = key.public_key()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": _PROJECT,
            "private_key_id": key_id,
            "private_key": pem.decode(),
            "client_email": email,
            "client_id": str(100_000_000_000_000_000_000 + int(key_id[:16], 16)),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "universe_domain": "googleapis.com",
        }

    def verify(self, assertion: str, audiences: Collection[str], now: float) -> Assertion:
        """Verify an assertion for one of the audiences at `now` (seconds); raises `OAuthError`."""
        header, claims, signed, signature = _parse(assertion)
        if header.alg != "RS256":
            raise OAuthError("invalid_grant", "Invalid JWT Signature.")
        keys = [key for (email, _), key in self._keys.items() if email == claims.iss]
        if not keys:
            raise OAuthError("invalid_grant", "Invalid grant: account not found")
        named = self._keys.get((claims.iss, header.kid))
        if not any(_signed(signature, signed, key) for key in ([named] if named else keys)):
            raise OAuthError("invalid_grant", "Invalid JWT Signature.")
        _check_claims(claims, audiences, now)
        return Assertion(claims.iss, check_scopes(claims.scope))


def _parse(assertion: str) -> tuple[_Header, _Claims, bytes, bytes]:
    parts = assertion.split(".") if len(assertion) <= _MAX_ASSERTION else []
    if len(parts) != 3:
        raise OAuthError("invalid_request", "Could not parse JWT. Invalid number of segments.")
    try:
        header = msgspec.json.decode(_decoded(parts[0]), type=_Header)
        claims = msgspec.json.decode(_decoded(parts[1]), type=_Claims)
        signature = _decoded(parts[2])
        signed = f"{parts[0]}.{parts[1]}".encode("ascii")
    except (msgspec.DecodeError, UnicodeError, binascii.Error, ValueError, RecursionError):
        raise OAuthError("invalid_grant", "Invalid JWT: could not be decoded.") from None
    return header, claims, signed, signature


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed(signature: bytes, text: bytes, key: "RSAPublicKey") -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _check_claims(claims: _Claims, audiences: Collection[str], now: float) -> None:
    if claims.aud not in audiences:
        right = min(audiences, default="")
        raise OAuthError(
            "invalid_grant", f"Invalid JWT: Failed audience check. The right audience is {right}"
        )
    on_time = claims.iat - _SKEW_S <= now <= claims.exp + _SKEW_S
    if not on_time or not 0 < claims.exp - claims.iat <= _LIFE_S + _SKEW_S:
        raise OAuthError(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )
    if claims.sub and claims.sub != claims.iss:
        raise OAuthError(
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not "
            "authorized for any of the scopes requested.",
            401,
        )


def check_scopes(text: str) -> frozenset[str]:
    """The scopes of a request: at least one, and each in Google's form."""
    scopes = frozenset(text.split())
    if not scopes:
        raise OAuthError("invalid_scope", "Empty or missing scope not allowed.")
    known = ("openid", "email", "profile")
    if not all(s in known or s.startswith("https://www.googleapis.com/auth/") for s in scopes):
        raise OAuthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    return scopes

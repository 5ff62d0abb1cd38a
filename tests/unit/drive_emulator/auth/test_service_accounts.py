"""Assertions: which are accepted, and which are refused with Google's messages."""

import base64
import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from drive_emulator.auth.service_accounts import EMAIL, OAuthError, ServiceAccounts

TOKEN_URI = "http://127.0.0.1:1/token"
READONLY = "https://www.googleapis.com/auth/drive.readonly"
NOW = 1_780_000_000.0


@pytest.fixture(scope="module")
def accounts() -> ServiceAccounts:
    return ServiceAccounts()


@pytest.fixture(scope="module")
def account(accounts: ServiceAccounts) -> dict[str, str]:
    return accounts.make(TOKEN_URI)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def assertion(account: dict[str, str], header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A signed JWT; `claims` replace those of a valid one."""
    good = {"iss": EMAIL, "aud": TOKEN_URI, "scope": READONLY, "iat": NOW, "exp": NOW + 3600}
    head = {"alg": "RS256", "typ": "JWT", "kid": account["private_key_id"], **(header or {})}
    text = f"{encoded(msgspec.json.encode(head))}.{encoded(msgspec.json.encode(good | claims))}"
    key = serialization.load_pem_private_key(account["private_key"].encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return f"{text}.{encoded(key.sign(text.encode(), PKCS1v15(), hashes.SHA256()))}"


def refusal(accounts: ServiceAccounts, text: str) -> tuple[str, str, int]:
    with pytest.raises(OAuthError) as refused:
        accounts.verify(text, {TOKEN_URI}, NOW)
    return refused.value.code, str(refused.value), refused.value.status


def test_a_good_assertion_names_its_account_and_scopes(
    accounts: ServiceAccounts, account: dict[str, str]
) -> None:
    checked = accounts.verify(assertion(account), {TOKEN_URI}, NOW)
    assert checked.account == EMAIL
    assert checked.scopes == {READONLY}


def test_an_assertion_without_a_key_id_is_checked_with_every_key_of_its_account(
    accounts: ServiceAccounts, account: dict[str, str]
) -> None:
    text = assertion(account, header={"kid": "of another"})
    assert accounts.verify(text, {TOKEN_URI}, NOW).account == EMAIL


def test_an_assertion_signed_with_another_key_is_refused(
    accounts: ServiceAccounts, account: dict[str, str]
) -> None:
    stranger = ServiceAccounts().make(TOKEN_URI)
    text = assertion(stranger, header={"kid": account["private_key_id"]})
    assert refusal(accounts, text) == ("invalid_grant", "Invalid JWT Signature.", 400)


def test_an_unsigned_assertion_is_refused(
    accounts: ServiceAccounts, account: dict[str, str]
) -> None:
    text = assertion(account, header={"alg": "none"})
    assert refusal(accounts, text)[1] == "Invalid JWT Signature."


@pytest.mark.parametrize(
    ("claims", "code", "words"),
    [
        ({"iss": "nobody@x.iam.gserviceaccount.com"}, "invalid_grant", "account not found"),
        ({"aud": "https://elsewhere/token"}, "invalid_grant", "Failed audience check"),
        ({"exp": NOW - 301, "iat": NOW - 3000}, "invalid_grant", "reasonable timeframe"),
        ({"iat": NOW + 301, "exp": NOW + 1000}, "invalid_grant", "reasonable timeframe"),
        ({"exp": NOW + 100_000}, "invalid_grant", "short-lived"),
        ({"exp": NOW, "iat": NOW + 10}, "invalid_grant", "short-lived"),
        ({"scope": " "}, "invalid_scope", "Empty or missing scope"),
        ({"scope": "everything"}, "invalid_scope", "Invalid OAuth scope"),
        ({"sub": "boss@example.com"}, "unauthorized_client", "unauthorized to retrieve"),
    ],
)
def test_each_claim_is_checked(
    accounts: ServiceAccounts,
    account: dict[str, str],
    claims: dict[str, Any],
    code: str,
    words: str,
) -> None:
    found, description, _ = refusal(accounts, assertion(account, **claims))
    assert found == code
    assert words in description


DEEP = base64.urlsafe_b64encode(b'{"x": ' + b"[" * 6_000).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        "!.!.!",
        "e30.e30.e30",
        "\u00e9.e30.e30",
        "x" * 20_000,
        f"{DEEP}.e30.e30",
    ],
)
def test_a_malformed_assertion_is_refused(accounts: ServiceAccounts, text: str) -> None:
    assert refusal(accounts, text)[0] in ("invalid_grant", "invalid_request")


def test_a_small_clock_skew_is_tolerated(
    accounts: ServiceAccounts, account: dict[str, str]
) -> None:
    text = assertion(account, iat=NOW + 200, exp=NOW + 3800)
    assert accounts.verify(text, {TOKEN_URI}, NOW).account == EMAIL


def test_assertions_of_googles_own_library_are_accepted(
    accounts: ServiceAccounts, account: dict[str, str]
) -> None:
    from google.auth import crypt, jwt

    make: Any = crypt.RSASigner
    sign: Any = jwt.encode
    now = int(time.time())
    claims = {"iss": EMAIL, "aud": TOKEN_URI, "scope": READONLY, "iat": now, "exp": now + 3600}
    text = sign(make.from_service_account_info(account), claims).decode()
    assert accounts.verify(text, {TOKEN_URI}, now).account == EMAIL

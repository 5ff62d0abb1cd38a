"""A service account: google-auth signs and asks for tokens; here it is decided when, and how often.

A token is replaced some time before it expires, by one fetch at a time, while requests go on with
the old one. If the token server refuses the account (its key was deleted, the clock is wrong), all
work stops, with the server's own words. If the server cannot be reached or has trouble, it is
waited for like Drive itself.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import urllib3
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.urllib3 import Request
from google.oauth2.service_account import Credentials
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from services.adapters.drive.answers import storable
from services.adapters.drive.credentials import HEADER_VALUE, Authenticator
from services.adapters.drive.settings import proxy_for
from services.core.errors import CREDENTIALS_REFUSED, DRIVE_UNREACHABLE, Stop, TryAgain
from services.core.settings import SettingsError

SETTING = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/drive.readonly"
REQUIRED = ("client_email", "private_key", "token_uri")
AHEAD_SECONDS = 300.0  # before a token expires; or when a fifth of its lifetime is left
RETRY_SECONDS = 5.0  # after a fetch that failed, as long as the old token is good
DEFAULT_LIFETIME_SECONDS = 600.0  # where the answer does not say how long the token is good
ANSWER_SECONDS = 10.0
LARGEST_ANSWER = 64 * 1024
# google-auth raises its own errors and, for answers of an unexpected shape, Python's.
TOKEN_ERRORS = (GoogleAuthError, OSError, ValueError, TypeError, LookupError, ArithmeticError)


class TokenHttp:
    """What google-auth's transport sends with: urllib3, bounded in time and size.

    google-auth retries some statuses silently. Here they are errors, so that the caller decides.
    """

    def __init__(self, pool: urllib3.PoolManager, seconds: float = ANSWER_SECONDS) -> None:
        self._pool = pool
        self._seconds = seconds

    def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        deadline = time.monotonic() + self._seconds
        options |= {"timeout": self._seconds, "retries": False, "preload_content": False}
        response = self._pool.request(method, url, **options)
        try:
            if response.status in (408, 429) or response.status >= 500:
                raise HTTPError(f"it answered {response.status}")
            content = b""
            while chunk := response.read1(4096):
                content += chunk
                if len(content) > LARGEST_ANSWER or time.monotonic() > deadline:
                    raise HTTPError("its answer does not end")
        finally:
            response.close()
        return urllib3.HTTPResponse(content, response.headers, response.status)


class ServiceAccount(Authenticator):
    """The tokens of one account. Google knows it, so its requests need no `quotaUser`."""

    is_service_account = True

    def __init__(
        self, credentials: Credentials, http: TokenHttp, clock: Callable[[], float]
    ) -> None:
        self._credentials = credentials
        self._transport = Request(http)  # type: ignore[no-untyped-call]
        self._clock = clock
        self._renew_at = self._expires_at = clock()
        self._fetching = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        now = self._clock()
        if now >= self._renew_at and not (now < self._expires_at and self._fetching.locked()):
            async with self._fetching:
                if self._clock() >= self._renew_at:
                    await self._fetch()
        return self._headers

    async def renew(self, rejected: Mapping[str, str]) -> bool:
        """Fetch another token than the one rejected, unless that has been done meanwhile."""
        async with self._fetching:
            if self._headers is rejected:
                self._renew_at = self._expires_at = self._clock()
                await self._fetch()
        return True

    async def _fetch(self) -> None:
        since = self._clock()
        try:
            await asyncio.to_thread(self._credentials.refresh, self._transport)
            token, lifetime = self._credentials.token, DEFAULT_LIFETIME_SECONDS
            if expiry := self._credentials.expiry:  # in UTC, without saying so
                lifetime = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
            if not isinstance(token, str) or not HEADER_VALUE.fullmatch(token):
                raise ValueError("no access token in the answer")
        except TOKEN_ERRORS as why:
            verdict, now = _verdict(why), self._clock()
            if isinstance(verdict, Stop) or now >= self._expires_at:
                raise verdict from None  # google-auth's own error may quote the assertion
            self._renew_at = min(now + RETRY_SECONDS, self._expires_at)
            return
        self.secret = token
        self._headers = {"Authorization": f"Bearer {token}"}
        self._expires_at = since + lifetime
        self._renew_at = self._expires_at - min(AHEAD_SECONDS, lifetime / 5)


def read_account(
    path: Path,
    pool: urllib3.PoolManager | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> ServiceAccount:
    """Raises `SettingsError`, which holds nothing of the key file but its name."""
    try:
        info = json.loads(path.read_bytes())
        fault = _fault(info)
    except OSError as why:
        fault = f"which cannot be read: {why.strerror}"
    except (ValueError, RecursionError):
        fault = "which holds no JSON"
    if not fault:
        try:
            read = Credentials.from_service_account_info
            credentials = read(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
        except TOKEN_ERRORS:
            fault = "whose private_key cannot be read: download the file again"
        else:
            return ServiceAccount(credentials, TokenHttp(pool or _pool(info["token_uri"])), clock)
    raise SettingsError(f"{SETTING} names {path}, {fault}.")


def _fault(info: Any) -> str:
    if not isinstance(info, dict) or info.get("type") != "service_account":
        return "which is no service account's key file"
    missing = [name for name in REQUIRED if not isinstance(info.get(name), str) or not info[name]]
    if missing:
        return f"which lacks {', '.join(missing)}"
    known = info["token_uri"].startswith(("https://", "http://"))
    return "" if known else "whose token_uri is no address"


def _pool(url: str) -> urllib3.PoolManager:
    """Trusts the system's certificates or those of SSL_CERT_FILE; uses the environment's proxy."""
    trust = ssl.create_default_context()
    proxy = proxy_for(url)
    if proxy is None:
        return urllib3.PoolManager(ssl_context=trust)
    password = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=unquote(password)) if password else None
    return urllib3.ProxyManager(proxy, ssl_context=trust, proxy_headers=headers)


def _verdict(why: Exception) -> Stop | TryAgain:
    if isinstance(why, RefreshError) and not why.retryable and len(why.args) > 1:
        words, answer = why.args
        error = answer.get("error") if isinstance(answer, dict) else None
        # OAuth's error (RFC 6749 §5.2); else a proxy's own, or a success without a token.
        if isinstance(error, str) and str(words).startswith(error):
            said = f"{error}: {answer.get('error_description') or 'no further explanation'}"
            refusal = storable(" ".join(said.split()))[:300]
            return Stop(
                CREDENTIALS_REFUSED, f"Google refused the service account of {SETTING}: {refusal}"
            )
    how = str(why)[:200] if isinstance(why, TransportError) else "its answer makes no sense"
    return TryAgain(
        DRIVE_UNREACHABLE, f"Google's token server gave the service account no token: {how}."
    )

"""A service account: google-auth signs and asks for tokens; here it is decided when, and how often.

A token is replaced before it expires, by one fetch at a time, while requests go on with the old
one. If the token server refuses the account (its key was deleted, the clock is wrong), all work
stops. If the server cannot be reached or has trouble, it is waited for like Drive itself.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from google.auth.exceptions import GoogleAuthError
from google.oauth2.service_account import Credentials

from services.adapters.drive.refusals import problem
from services.adapters.drive.requests import HEADER_VALUE, Authenticator, words_of
from services.adapters.environment import proxy_for
from services.core.errors import CREDENTIALS_REFUSED, DRIVE_UNREACHABLE, Stop, TryAgain
from services.core.settings import SettingsError

Clock = Callable[[], float]
SETTING = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/drive.readonly"
REQUIRED = ("client_email", "private_key", "token_uri")
AHEAD_SECONDS = 300.0  # before a token expires; or when a fifth of its lifetime is left
RETRY_SECONDS = 5.0  # after a fetch that failed, as long as the old token is good
PASSING = {"internal_failure", "server_error", "temporarily_unavailable"}
HTTP_ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError)
# google-auth raises its own errors and, for answers of an unexpected shape, Python's.
GOOGLE_ERRORS = (GoogleAuthError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError)


def send(
    transport: httpx.BaseTransport, url: str, body: bytes, seconds: float = 10.0, **options: Any
) -> SimpleNamespace:
    """Send a request of google-auth's, bounded in time and size. Raises `Stop` if it is refused.

    google-auth retries some statuses silently. Here they are errors, so that the caller decides.
    """
    deadline = time.monotonic() + seconds
    limits = {"timeout": httpx.Timeout(seconds).as_dict()}
    request = httpx.Request(url=url, content=body, extensions=limits, **options)
    with closing(transport.handle_request(request)) as response:
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise httpx.HTTPError(f"it answered {response.status_code}")
        content = b""
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > 64 * 1024 or time.monotonic() > deadline:
                raise httpx.HTTPError("its answer is too long or too slow")
    said = problem(content)
    if response.status_code != 200 and said.of_oauth:
        if said.reasons[0] in PASSING:
            raise httpx.HTTPError(f"it answered {said.reasons[0]}")
        words = " ".join(f"{said.reasons[0]}: {said.message or 'no further explanation'}".split())
        raise Stop(
            CREDENTIALS_REFUSED, f"Google rejected the service account of {SETTING}: {words[:300]}"
        )
    return SimpleNamespace(status=response.status_code, data=content)


class ServiceAccount(Authenticator):
    """The tokens of one account. Google knows it, so its requests need no `quotaUser`."""

    is_service_account = True

    def __init__(
        self, credentials: Credentials, transport: httpx.BaseTransport, clock: Clock
    ) -> None:
        super().__init__()
        self._refresh = partial(credentials.refresh, partial(send, transport))
        self._credentials = credentials
        self._clock = clock
        self._renew_at = self._expires_at = clock()
        self._fetching = asyncio.Lock()

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        now = self._clock()
        if rejected is self._headers:
            self._renew_at = self._expires_at = now
        if now >= self._renew_at and not (now < self._expires_at and self._fetching.locked()):
            async with self._fetching:
                if self._clock() >= self._renew_at:
                    await self._fetch()
        return self._headers

    async def _fetch(self) -> None:
        since = self._clock()
        try:
            await asyncio.to_thread(self._refresh)
            token, lifetime = self._credentials.token, 600.0  # if the answer does not say how long
            if expiry := self._credentials.expiry:  # in UTC, without saying so
                lifetime = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
            if not isinstance(token, str) or not HEADER_VALUE.fullmatch(token):
                raise ValueError("no access token in the answer")
        except (*HTTP_ERRORS, *GOOGLE_ERRORS) as why:
            now = self._clock()
            if now >= self._expires_at:
                how = words_of(why) if isinstance(why, HTTP_ERRORS) else "its answer is not valid"
                raise TryAgain(
                    DRIVE_UNREACHABLE,
                    f"Google's token server issued no token for the service account: {how}.",
                ) from None  # google-auth's own error may quote the assertion
            self._renew_at = min(now + RETRY_SECONDS, self._expires_at)
            return
        self.secret = token
        self._headers = {"Authorization": f"Bearer {token}"}
        self._expires_at = since + lifetime
        self._renew_at = self._expires_at - min(AHEAD_SECONDS, lifetime / 5)


def read_account(
    path: Path, transport: httpx.BaseTransport | None = None, clock: Clock = time.monotonic
) -> ServiceAccount:
    """Raises `SettingsError`, which holds nothing of the key file but its name."""
    try:
        info = json.loads(path.read_bytes())
    except OSError as why:
        raise _fault(path, f"which cannot be read: {why.strerror}") from None
    except (ValueError, RecursionError):
        raise _fault(path, "which is not JSON") from None
    _check(path, info)
    try:
        read = Credentials.from_service_account_info
        credentials = read(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except GOOGLE_ERRORS:
        raise _fault(
            path, "whose private_key cannot be read. Download the key file again"
        ) from None
    # The system's certificates, or those of SSL_CERT_FILE. No connection is kept for later.
    transport = transport or httpx.HTTPTransport(
        verify=ssl.create_default_context(),
        proxy=proxy_for(info["token_uri"]),
        limits=httpx.Limits(max_keepalive_connections=0),
    )
    return ServiceAccount(credentials, transport, clock)


def _check(path: Path, info: Any) -> None:
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise _fault(path, "which is not a service account key file")
    missing = [name for name in REQUIRED if not isinstance(info.get(name), str) or not info[name]]
    if missing:
        raise _fault(path, f"which lacks {', '.join(missing)}")
    if not info["token_uri"].startswith(("https://", "http://")):
        raise _fault(path, "whose token_uri is not a URL")


def _fault(path: Path, how: str) -> SettingsError:
    return SettingsError(f"{SETTING} names {path}, {how}.")

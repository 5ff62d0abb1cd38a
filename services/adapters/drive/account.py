"""A service account: google-auth reads its key and signs with it; tokens are fetched here.

A token is fetched ahead of its end, one fetch at a time, while requests go on with the old one.
What the token server refuses (a key that was deleted, a clock that is wrong) stops everything, in
words; that it cannot be reached, or has trouble, is waited for like Drive itself.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport import Request, Response
from google.oauth2.service_account import Credentials

from services.adapters.drive.answers import tellable
from services.adapters.drive.credentials import SIGNABLE
from services.core.errors import Stop, TryAgain, Verdict
from services.core.reasons import CREDENTIALS_REFUSED, DRIVE_UNREACHABLE
from services.core.settings import SettingsError

SETTING = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/drive.readonly"
NEEDED = ("client_email", "private_key", "token_uri")
AHEAD_SECONDS = 300.0
"""Before its end a token is replaced; one that lives shorter, when a fifth of its life is left."""
PAUSE_SECONDS = 5.0
"""After a fetch that failed, while the old token lasts, the next is not tried at once."""
USUAL_LIFE_SECONDS = 600.0
"""Of a token that does not say how long it lives."""
ANSWER_SECONDS = 10.0
BIGGEST_ANSWER = 64 * 1024
NO_SENSE = (GoogleAuthError, ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What google-auth raises: its own errors and, for answers of the wrong shape, Python's."""


class ServiceAccount:
    """`Signs` with the tokens of one account. `fetch` blocks, and is called in a thread."""

    account = True
    query: Mapping[str, str] = {}  # who has an account is known: `quotaUser` is for who has none

    def __init__(
        self,
        credentials: Credentials,
        http: "TokenHttp",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._http = http
        self._clock = clock
        self._headers: Mapping[str, str] = {}
        self._due = self._ends = self._not_before = clock()
        self._fetching = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """A token that is still good. Raises `Stop` or `TryAgain` where there is none."""
        now = self._clock()
        if now < self._due:
            return self._headers
        if now < self._ends and (self._fetching.locked() or now < self._not_before):
            return self._headers
        async with self._fetching:
            if self._clock() >= self._due:
                await self._fetch_or_go_on()
        return self._headers

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Fetch another token than the one refused, unless somebody has done so meanwhile."""
        async with self._fetching:
            if self._headers is refused:
                self._due = self._ends = self._clock()
                await self._fetch_or_go_on()
        return True

    async def _fetch_or_go_on(self) -> None:
        try:
            await self._fetch()
        except TryAgain:
            self._not_before = self._clock() + PAUSE_SECONDS
            if self._clock() >= self._ends:
                raise

    async def _fetch(self) -> None:
        since = self._clock()
        try:
            await asyncio.to_thread(self._credentials.refresh, self._http)
            token, life = self._credentials.token, _life(self._credentials.expiry)
            if not isinstance(token, str) or not SIGNABLE.fullmatch(token):
                raise ValueError("no access token in the answer")
        except NO_SENSE as why:
            raise self._meant(why) from None  # what google-auth says may quote the assertion
        self._headers = {"Authorization": f"Bearer {token}"}
        self._ends = since + life
        self._due = self._ends - min(AHEAD_SECONDS, life / 5)

    def _meant(self, why: Exception) -> Verdict:
        if self._http.refusal:
            return Stop(
                CREDENTIALS_REFUSED,
                f"Google refused the service account of {SETTING}: {self._http.refusal}",
            )
        what = str(why.args[0])[:200] if isinstance(why, TransportError) else "it had trouble"
        return TryAgain(
            DRIVE_UNREACHABLE, f"Google's token server gave the service account no token: {what}."
        )


class TokenHttp(Request):
    """google-auth's transport, on httpx: bounded in time and size, trusting whom Drive's does.

    `refusal` is what the last answer said, if that was a clear no; else empty.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport
        self.refusal = ""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> "TokenResponse":
        """One request; raises google-auth's `TransportError`."""
        self.refusal = ""
        until = time.monotonic() + ANSWER_SECONDS
        try:
            with (
                httpx.Client(
                    transport=self._transport,
                    verify=ssl.create_default_context(),
                    timeout=timeout or ANSWER_SECONDS,
                ) as client,
                client.stream(method, url, content=body, headers=headers) as response,
            ):
                content = _read(response, until)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as why:
            words = str(why) or type(why).__name__
            raise TransportError(words) from why  # type: ignore[no-untyped-call]
        self.refusal = _refusal(response.status_code, content)
        return TokenResponse(response.status_code, dict(response.headers), content)


class TokenResponse(Response):
    """As google-auth wants to see it."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self._seen = status, headers, data

    @property
    def status(self) -> int:
        """HTTP's status."""
        return self._seen[0]

    @property
    def headers(self) -> Mapping[str, str]:
        """HTTP's headers."""
        return self._seen[1]

    @property
    def data(self) -> bytes:
        """The body."""
        return self._seen[2]


def read_account(path: Path, transport: httpx.BaseTransport | None = None) -> ServiceAccount:
    """The account of a key file as Google's console gives it out.

    Raises `SettingsError`, in words that hold nothing of the file but its name.
    """
    try:
        info = json.loads(path.read_bytes())
    except OSError as why:
        raise SettingsError(f"{SETTING} names {path}: {why.strerror}.") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{SETTING} names {path}, which holds no JSON.") from None
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise SettingsError(f"{SETTING} names {path}, which is no service account's key file.")
    missing = [name for name in NEEDED if not isinstance(info.get(name), str) or not info[name]]
    if missing:
        raise SettingsError(f"{SETTING} names {path}, which lacks {', '.join(missing)}.")
    if not info["token_uri"].startswith(("https://", "http://")):
        raise SettingsError(f"{SETTING} names {path}, whose token_uri is no address.")
    try:
        read = Credentials.from_service_account_info
        credentials = read(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except NO_SENSE:
        raise SettingsError(
            f"{SETTING} names {path}, whose private_key cannot be read: get the file anew."
        ) from None
    return ServiceAccount(credentials, TokenHttp(transport))


def _read(response: httpx.Response, until: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > BIGGEST_ANSWER or time.monotonic() > until:
            raise TransportError("its answer has no end")  # type: ignore[no-untyped-call]
    return bytes(content)


def _refusal(status: int, content: bytes) -> str:
    """OAuth's error in words, if this is one (RFC 6749 §5.2): a page of a proxy's says nothing."""
    if not 400 <= status < 500 or status in {408, 429}:
        return ""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict) or not isinstance(answer.get("error"), str):
        return ""
    said = f"{answer['error']}: {answer.get('error_description') or 'it says no more'}"
    return tellable(" ".join(said.split()))[:300]


def _life(expiry: datetime | None) -> float:
    """Seconds from now; google-auth's times are UTC without saying so."""
    if expiry is None:
        return USUAL_LIFE_SECONDS
    return (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()

"""The keys with which requests to the store are signed: the settings', or those of Amazon.

Without keys in the settings, botocore looks for them where every program of Amazon's does: in a
profile, a web identity, the container's role, the instance's role. It renews them in time.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from minio.credentials.credentials import Credentials
from minio.credentials.providers import Provider

from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop, TryAgain, Verdict

if TYPE_CHECKING:
    from obstore.store import S3Credential

USED_FOR = timedelta(minutes=7)
ASKED_BEFORE = timedelta(minutes=5)
"""obstore asks again so long before, and so do we. botocore renews keys ten minutes before they
expire."""
REASON = "store_credentials"
AGAIN_SECONDS = 60.0
"""If new keys are refused, too, within this time, it is not their age that is wrong."""
WAYS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role."
)


class StoreCredentials(Provider):
    """For minio-py as its provider, for obstore through `current`. Raises `Stop` in words where
    there are no keys, and `TryAgain` where they cannot be had now."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._found: tuple[int, Callable[[], Credentials] | None] = 0, None
        """After how many renewals they were found, and what tells them."""
        self.fault: Verdict | None = None
        """Why the last request for keys failed: obstore passes on only the text of an error."""
        self._finding = Lock()
        self.renewals = 0
        self._renewed_at = -math.inf

        self._kept: tuple[Credentials, int, float] | None = None
        """Keys, after how many renewals they were taken, and until when they are used."""
        self._taking = asyncio.Lock()

    async def kept(self) -> Credentials:
        """As `retrieve`, which may have to ask others, but only now and then."""
        if self._settings.access_key_id:
            return self.retrieve()
        async with self._taking:
            known = self._kept
            if known and known[1] == self.renewals and time.monotonic() < known[2]:
                return known[0]
            used_for = (USED_FOR - ASKED_BEFORE).total_seconds()
            renewals, until = self.renewals, time.monotonic() + used_for
            keys = await asyncio.to_thread(self.retrieve)
            self._kept = keys, renewals, until
            return keys

    def retrieve(self) -> Credentials:
        if self._settings.access_key_id:
            return Credentials(
                self._settings.access_key_id,
                self._settings.secret_access_key.reveal(),
                self._settings.session_token.reveal() or None,
            )
        try:
            found = self._source()()
        except Verdict as why:
            self.fault = why
            raise
        self.fault = None
        return found

    def _source(self) -> Callable[[], Credentials]:
        with self._finding:  # else uploads that begin together would each ask for keys
            wanted = self.renewals
            found, source = self._found
            if found != wanted or source is None:
                source = _amazon_credentials(self._settings)
                self._found = wanted, source
            return source

    def renew(self, known: int) -> bool:
        """Forget keys that the store refused, in a request that began after `known` renewals: a
        session may be revoked before its keys expire. False if there can be no others: they are in
        the settings, or were fetched a moment ago."""
        if self._settings.access_key_id:
            return False
        if self.renewals == known:
            if time.monotonic() - self._renewed_at < AGAIN_SECONDS:
                return False
            self._renewed_at = time.monotonic()
            self.renewals += 1
        return True

    async def current(self) -> "S3Credential":
        keys = await asyncio.to_thread(self.retrieve)
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.session_token,
            "expires_at": datetime.now(UTC) + USED_FOR,
        }


def _amazon_credentials(settings: StoreSettings) -> Callable[[], Credentials]:
    # botocore takes a third of a second to import, which a process with keys is spared.
    from botocore.session import Session  # type: ignore[import-untyped]

    with _verdicts():
        session = Session(profile=settings.profile or None)
        session.set_config_variable("region", settings.region)
        source = session.get_credentials()
    if source is None:
        raise _none("this machine has no AWS profile or role")

    def current() -> Credentials:
        with _verdicts():
            keys = source.get_frozen_credentials()
        return Credentials(keys.access_key, keys.secret_key, keys.token)

    return current


@contextmanager
def _verdicts() -> Iterator[None]:
    from botocore import exceptions as amazon  # type: ignore[import-untyped]

    try:
        yield
    except (
        amazon.HTTPClientError,
        amazon.CredentialRetrievalError,
        amazon.MetadataRetrievalError,
    ) as why:
        raise TryAgain(REASON, f"Amazon issued no keys: {why}") from why
    # Beside its own errors, those of a key file that is not there or holds something else, and of a
    # profile that asks for a code at a terminal.
    except (
        *(amazon.BotoCoreError, amazon.ClientError),
        *(EOFError, LookupError, OSError, ValueError),
    ) as why:
        raise _none(why) from why


def _none(why: object) -> Stop:
    said = " ".join(str(why).split()).rstrip(".")
    return Stop(REASON, f"No keys for the object store: {said}. {WAYS}")

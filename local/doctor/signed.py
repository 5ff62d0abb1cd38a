"""The signature that the services would put on a request."""

import asyncio
from collections.abc import Mapping

from local.doctor.findings import Finding, wrong
from services.adapters.drive.account import read_account
from services.adapters.drive.credentials import ApiKey, Authenticator
from services.adapters.drive.settings import DriveSettings
from services.core.errors import Verdict
from services.core.settings import SettingsError

SIGN_SECONDS = 30.0
NEW_FILE = "Get a key file of the service account anew, from Google's console."


def signature(settings: DriveSettings) -> Mapping[str, str] | Finding:
    """Headers that say who asks, or why there are none."""
    try:
        return asyncio.run(_headers(_authenticator(settings)))
    except SettingsError as why:
        return wrong("Sign in", str(why), NEW_FILE)
    except Verdict as why:
        todo = "See that its key is not deleted, and that this machine's clock is right."
        return wrong("Sign in", why.message, todo)
    except TimeoutError:
        seen = f"No token was given within {SIGN_SECONDS:.0f} s."
        return wrong("Sign in", seen, "See whether Google's token server can be reached from here.")


def _authenticator(settings: DriveSettings) -> Authenticator:
    if settings.credentials_file is None:
        return ApiKey(settings.api_key)
    return read_account(settings.credentials_file)


async def _headers(authenticator: Authenticator) -> Mapping[str, str]:
    async with asyncio.timeout(SIGN_SECONDS):
        return await authenticator.headers()

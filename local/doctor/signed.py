"""The headers with which the services would authenticate a request to Drive."""

import asyncio
from collections.abc import Mapping

from local.doctor.findings import Finding, wrong
from services.adapters.drive.requests import Authenticator, authenticator_for
from services.adapters.drive.settings import DriveSettings
from services.core.errors import Verdict
from services.core.settings import SettingsError

SIGN_SECONDS = 30.0
NEW_FILE = "Download a new key file for the service account from Google's console."


def signature(settings: DriveSettings) -> Mapping[str, str] | Finding:
    """The headers, or why there are none."""
    try:
        return asyncio.run(_headers(authenticator_for(settings)))
    except SettingsError as why:
        return wrong("Sign in", str(why), NEW_FILE)
    except Verdict as why:
        todo = "Check that the key still exists, and that this machine's clock is correct."
        return wrong("Sign in", why.message, todo)
    except TimeoutError:
        seen = f"Google's token server issued no token within {SIGN_SECONDS:.0f} s."
        return wrong("Sign in", seen, "Check that this machine can reach Google's token server.")


async def _headers(authenticator: Authenticator) -> Mapping[str, str]:
    async with asyncio.timeout(SIGN_SECONDS):
        return await authenticator.headers()

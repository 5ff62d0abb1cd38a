"""The signature that the services would put on a request."""

import asyncio
from collections.abc import Mapping

from local.doctor.findings import Finding, wrong
from services.adapters.drive.credentials import ApiKey
from services.core.errors import Verdict
from services.core.settings import DriveSettings

SIGN_SECONDS = 30.0


def signature(settings: DriveSettings) -> Mapping[str, str] | Finding:
    """Headers that say who asks, or why there are none."""
    try:
        return asyncio.run(_signature(settings))
    except Verdict as why:
        return wrong("Sign in", why.message, "See to what it says; then ask the doctor again.")
    except TimeoutError:
        seen = f"No token was given within {SIGN_SECONDS:.0f} s."
        return wrong("Sign in", seen, "Check that Google's token endpoint can be reached.")


async def _signature(settings: DriveSettings) -> Mapping[str, str]:
    async with asyncio.timeout(SIGN_SECONDS):
        return await ApiKey(settings.api_key).headers()

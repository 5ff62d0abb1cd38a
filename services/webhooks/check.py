"""`python -m services.webhooks.check`: send a test to every URL, and say what came of it.

Exit codes: 0 all took it, 1 one did not, 2 wrong settings.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import uuid4

from services.adapters.process import end, while_read
from services.adapters.webhooks.client import WebhookClient
from services.adapters.webhooks.settings import WebhookSettings
from services.core.settings import SettingsError, read_settings
from services.webhooks.payload import Webhook, body_of

DONE, FAILED, MISCONFIGURED = 0, 1, 2


def main(env: Mapping[str, str]) -> int:
    """The exit code."""
    try:
        settings = read_settings(env, WebhookSettings.read)
        if settings.endpoints:
            return asyncio.run(check(settings))
    except SettingsError as why:  # also of a proxy
        sys.stderr.write(f"The settings are not valid:\n{why}\n")
        return MISCONFIGURED
    sys.stderr.write("WEBHOOK_URLS is not set, so there is no URL to send a test to.\n")
    return MISCONFIGURED


async def check(settings: WebhookSettings) -> int:
    """Send to all at once, each once."""
    test = Webhook(type="webhook.test", timestamp=datetime.now(UTC), data={})
    clients = [WebhookClient(endpoint, settings.secrets) for endpoint in settings.endpoints]
    answers = await asyncio.gather(*(_send(client, body_of(test)) for client in clients))
    for endpoint, why in zip(settings.endpoints, answers, strict=True):
        sys.stdout.write(f"{endpoint.name}: {why or 'delivered'}\n")
    return FAILED if any(answers) else DONE


async def _send(client: WebhookClient, body: str) -> str:
    """Why it was not delivered; empty if it was."""
    async with aclosing(client):
        answer = await client.send(f"test-{uuid4()}", body)
    return "" if answer.delivered else answer.why


if __name__ == "__main__":
    end(while_read(lambda: main(os.environ)))

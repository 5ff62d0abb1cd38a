"""One receiver, called over HTTP as the Standard Webhooks specification says.

A receiver is somebody else's program, and may be hostile. It gets a limited time for everything.
Its answer is its status and two headers: the body is never read. Redirects are never followed: a
receiver chosen by the operator may be on a private network, but it may not choose another one.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from services.adapters.environment import proxy_for
from services.adapters.webhooks.settings import Endpoint
from services.core.settings import Secret

CONNECT_SECONDS, ATTEMPT_SECONDS = 5.0, 20.0
"""To connect; and for everything, connecting included."""
CONNECTIONS = 4
GONE = 410
LONGEST_WHY = 200
# The specification's codes for "too many requests".
THROTTLES = {429, 502, 503, 504}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one attempt. `why` is for the log; `wait` is what a throttling receiver asked
    for, in seconds."""

    status: int | None = None
    why: str = ""
    wait: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == GONE


class WebhookClient:
    """Of one endpoint, with connections of its own. It works on the transport, which knows neither
    redirects nor cookies."""

    def __init__(self, endpoint: Endpoint, secrets: Sequence[Secret]) -> None:
        self._url = endpoint.url
        self._signers = [Webhook(secret.reveal()) for secret in secrets]
        proxy = proxy_for(endpoint.url.reveal())
        self._transport = httpx.AsyncHTTPTransport(
            # The system's certificates, or those of SSL_CERT_FILE; not a list of our own.
            verify=ssl.create_default_context(),
            trust_env=False,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0),
            proxy=httpx.Proxy(proxy) if proxy else None,
        )

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def send(self, id: str, body: str) -> Answer:
        """Never raises for what a receiver or the network does."""
        timeout = httpx.Timeout(ATTEMPT_SECONDS, connect=CONNECT_SECONDS).as_dict()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                request = httpx.Request(
                    "POST",
                    self._url.reveal(),
                    headers=self._headers(id, body),
                    content=body.encode(),
                    extensions={"timeout": timeout},
                )
                response = await self._transport.handle_async_request(request)
                await response.aclose()
        except TimeoutError:
            return Answer(why=f"no answer within {ATTEMPT_SECONDS:.0f} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as why:
            return Answer(why=f"{type(why).__name__}: {why}"[:LONGEST_WHY])
        return answer_of(response)

    def _headers(self, id: str, body: str) -> dict[str, str]:
        """Signed at each attempt, since receivers refuse old timestamps."""
        now = datetime.now(UTC)
        return {
            "User-Agent": "drivestream",
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(each.sign(id, now, body) for each in self._signers),
        }


def answer_of(response: httpx.Response) -> Answer:
    status = response.status_code
    why = f"status {status}"
    if response.has_redirect_location:
        why += ", a redirect, which is never followed"
    wait = response.headers.get("retry-after", "") if status in THROTTLES else ""
    seconds = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 10 else 0
    return Answer(status=status, why=why, wait=float(seconds))

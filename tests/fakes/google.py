"""Google behind a transport: records requests, and answers as one test wants."""

from collections.abc import AsyncIterator, Callable

import httpx

from services.adapters.drive.client import Drive
from services.adapters.drive.requests import DriveSession, authenticator_for
from services.adapters.drive.settings import DriveSettings, Limits
from services.core.events import FileFound
from services.core.settings import Secret

Handler = Callable[[httpx.Request], httpx.Response]
API = "http://drive.test"
EMPTY = b'{"files": []}'
LIMITED = b'{"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}'
SORRY = b"<html>We're sorry, but this computer may be sending automated queries"
HTML = {"content-type": "text/html"}
NO_FILE = b'{"error": {"errors": [{"reason": "notFound"}]}}'


QUICK = Limits(pause=0.0)


class QuotaRecorder:
    """A quota without a limit that records what was paid, and how often Google refused."""

    def __init__(self) -> None:
        self.spent: list[int] = []
        self.refusals = 0

    async def take(self, units: int) -> None:
        self.spent.append(units)

    def refused(self) -> None:
        self.refusals += 1


def drive(
    handler: Handler,
    key: str = "secret-key",
    *,
    quota: QuotaRecorder | None = None,
    limits: Limits = QUICK,
    thumbnail_links: bool = False,
) -> Drive:
    settings = DriveSettings(api_url=API, api_key=Secret(key), cool_down_seconds=7.0, limits=limits)
    transport, who = httpx.MockTransport(handler), authenticator_for(settings)
    session = DriveSession(settings, transport, who, quota or QuotaRecorder())
    return Drive(session, thumbnail_links=thumbnail_links)


class Body(httpx.AsyncByteStream):
    """A body in chunks, as from a connection; `closed` says whether it was closed."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.chunks = chunks
        self.closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks

    async def aclose(self) -> None:
        self.closed = True


def media(content: bytes, content_type: str = "image/png") -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return httpx.Response(200, stream=Body(chunks()), headers={"content-type": content_type})


class Responder:
    """Gives its answers in turn, the last one again and again, and records the requests."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def bytes_of(drive: Drive, file: FileFound) -> bytes:
    async with drive.open(file) as chunks:
        return b"".join([chunk async for chunk in chunks])

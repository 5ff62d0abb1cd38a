"""Where nothing is traced, nothing is there that could cost anything."""

import subprocess
import sys

import pytest

from local.paths import CHECKOUT
from services.adapters.tracing.port import Tracing, open_tracing
from services.adapters.tracing.settings import TracingSettings
from services.adapters.webhooks.client import Answer
from services.core.wire import encode
from tests.fakes.drive import FakeDrive
from tests.fakes.messages import Recorder
from tests.fakes.object_store import FakeStore
from tests.fakes.tracing import Published
from tests.samples import SAMPLES

ON_OR_OFF = """
import asyncio, sys
import services.api.__main__, services.indexer.__main__, services.lister.__main__
import services.transfer.__main__, services.webhooks.__main__
from services.adapters.tracing.port import open_tracing
from services.adapters.tracing.settings import TracingSettings

async def run():
    async with open_tracing(TracingSettings(endpoint=sys.argv[1]), "lister"):
        print(sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk"))[:1])

asyncio.run(run())
"""


@pytest.mark.parametrize(
    ("endpoint", "loaded"), [("", "[]"), ("http://127.0.0.1:9", "['opentelemetry.sdk']")]
)
def test_the_sdk_is_imported_only_where_it_is_asked_for(endpoint: str, loaded: str) -> None:
    command = [sys.executable, "-c", ON_OR_OFF, endpoint]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


class Receives:
    """A receiver that takes everything."""

    async def send(self, id: str, body: str) -> Answer:
        del id, body
        return Answer(status=204)


async def off() -> Tracing:
    async with open_tracing(TracingSettings(), "lister") as tracing:
        return tracing


@pytest.mark.anyio
async def test_every_port_is_handed_back_as_it_is() -> None:
    tracing = await off()
    publisher, handler, drive, store, app = (
        Published(),
        Recorder(),
        FakeDrive(),
        FakeStore(),
        object(),
    )
    assert tracing.publisher(publisher) is publisher
    assert tracing.handler(handler) is handler
    assert tracing.files(drive) is tracing.folders(drive) is drive  # type: ignore[comparison-overlap]
    assert tracing.store(store) is store
    assert tracing.requests(app) is app
    client = Receives()
    assert tracing.receiver(client, "1") is client
    assert tracing.metrics == ()


@pytest.mark.parametrize("name", SAMPLES)
def test_no_record_has_a_traceparent(name: str) -> None:
    assert "traceparent" not in dict(encode(SAMPLES[name], source="test").headers)

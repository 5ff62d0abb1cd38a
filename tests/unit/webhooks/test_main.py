"""Without URLs the process costs nothing."""

import asyncio

from services.adapters.kafka.settings import KafkaSettings
from services.adapters.metrics import MetricsSettings
from services.adapters.tracing.settings import TracingSettings
from services.adapters.webhooks.settings import WebhookSettings
from services.webhooks.__main__ import Settings, serve


async def test_without_urls_it_waits_for_its_end_and_opens_no_connection() -> None:
    """Every socket is refused here. Only its health can be asked for, where a port is given."""
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
        webhooks=WebhookSettings(),
        metrics=MetricsSettings(host="127.0.0.1", port=0),
        tracing=TracingSettings(),
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop))
    await asyncio.sleep(0.01)
    assert not serving.done()
    stop.set()
    async with asyncio.timeout(60):
        await serving

"""Others can build on our events: the consumer in the documents runs."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.wire import Record
from tests.platform import Platform
from tests.samples import SAMPLES

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "second_consumer.py"
SECONDS = 90.0


@pytest.mark.real
async def test_the_consumer_in_the_documents_prints_what_is_stored(
    platform: Platform, kafka_settings: KafkaSettings
) -> None:
    stored = SAMPLES["FileStored"]
    garbage = Record(topic=stored.topic, key=stored.key.encode(), value=b"\xff", headers=[])
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([garbage, stored])
    consumer = await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLE, env={**os.environ, **platform.env}, stdout=asyncio.subprocess.PIPE
    )
    assert consumer.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            line = await consumer.stdout.readline()
    finally:
        consumer.kill()
        await consumer.wait()
    assert line.decode().startswith("Grüße 🌄.jpg 123456 1SubFolder")

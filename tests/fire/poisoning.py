"""Records that nobody can read, in the topics of a running system."""

from collections.abc import Sequence
from uuid import uuid4

from confluent_kafka import Producer

from services.adapters.kafka.settings import KafkaSettings
from tests.fire.history import History

PUBLISH_SECONDS = 240.0
OWNERLESS = 0.2
POISONS = (b"", b"\xff\xfe\x00", b"{}", b'{"type":"FileFound"}', b"[" * 2_000, b"null")


def poison(
    settings: KafkaSettings, topic: str, share: float, jobs: Sequence[str], history: History
) -> None:
    """Returns when the broker has it. Most of those in `files.found` name an import as their
    owner, and a file that there is not: then it must be shown there as failed."""
    value = POISONS[int(share * len(POISONS))]
    owned = topic == "files.found" and jobs and share > OWNERLESS
    job = jobs[int(share * len(jobs))] if owned else ""
    key = f"poison-{uuid4().hex[:12]}"
    headers: list[tuple[str, str | bytes | None]] = [("ce_importid", job.encode())] if job else []
    placed: list[tuple[int | None, int | None]] = []
    producer = Producer(settings.brokers() | {"acks": "all", "partitioner": "murmur2"})
    producer.produce(
        settings.prefixed(topic),
        key=key.encode(),
        value=value,
        headers=headers,
        on_delivery=lambda error, said: (
            None if error else placed.append((said.partition(), said.offset()))
        ),
    )
    producer.flush(PUBLISH_SECONDS)
    for partition, offset in placed:
        place = {"topic": topic, "partition": partition, "offset": offset}
        history.add("poison", **place, import_id=job, file_id=key, value=value.hex())

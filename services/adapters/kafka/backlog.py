"""How far a consumer group is in a partition, and how far the partition goes."""

import asyncio

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from services.adapters.kafka.admin import TIMEOUT
from services.adapters.kafka.errors import kafka_errors
from services.adapters.kafka.settings import KafkaSettings

LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Backlog:
    """One group in one topic. Raises `KafkaUnavailableError`."""

    def __init__(self, settings: KafkaSettings, *, group: str, topic: str) -> None:
        self._group = settings.prefixed(group)
        self._topic = settings.prefixed(topic)
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers, "log_level": 2})

    async def of(self, partition: int) -> tuple[int, int]:
        """The group's oldest unfinished offset, 0 if it has not begun, and the partition's end."""
        return await asyncio.to_thread(self._of, partition)

    @kafka_errors()
    def _of(self, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._topic, partition)
        ends = self._admin.list_offsets({place: LATEST}, request_timeout=TIMEOUT)
        end = ends[place].result(TIMEOUT).offset
        request = ConsumerGroupTopicPartitions(self._group, [place])
        [answer] = self._admin.list_consumer_group_offsets(
            [request], request_timeout=TIMEOUT
        ).values()
        [committed] = answer.result(TIMEOUT).topic_partitions
        return max(0, committed.offset), end

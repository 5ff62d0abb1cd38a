"""How far a consumer group is in a partition, and how far the partition goes."""

import asyncio

from services.adapters.kafka.admin import LATEST, offsets
from services.adapters.kafka.admin_client import Admin
from services.adapters.kafka.errors import kafka_errors
from services.adapters.kafka.group_offsets import GroupOffsets
from services.adapters.kafka.settings import KafkaSettings


class Backlog:
    """One group in one topic. Raises `KafkaUnavailableError`."""

    def __init__(self, settings: KafkaSettings, *, group: str, topic: str) -> None:
        self._topic = settings.prefixed(topic)
        self._admin = Admin(settings)
        self._group = GroupOffsets(settings, settings.prefixed(group), self._admin)

    async def of(self, partition: int) -> tuple[int, int]:
        """The group's oldest unfinished offset, 0 if it has not begun, and the partition's end."""
        return await asyncio.to_thread(self._of, partition)

    @kafka_errors()
    def _of(self, partition: int) -> tuple[int, int]:
        """What is committed is asked first: that looks up the topics. The offsets are asked by the
        leader epochs that the handle knows, and after a restart of the broker each question is
        refused as fenced, or finds no leader, until somebody looks the topics up again."""
        place = self._topic, partition
        last = self._group.committed(self._topic).get(place)
        end = offsets(self._admin, [place], LATEST)[place]
        return 0 if last is None else last.offset, end

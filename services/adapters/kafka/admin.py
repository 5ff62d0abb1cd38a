"""Topics and groups: making topics, waiting for a broker, and how far each group has read."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from services.adapters.kafka.admin_client import Admin
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors
from services.adapters.kafka.group_offsets import TIMEOUT, GroupOffsets, Place
from services.adapters.kafka.settings import KafkaSettings
from services.core.errors import Stop
from services.core.topics import ALL, BY_NAME, Topic
from services.core.wire import MAX_RECORD_BYTES

EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Topics:
    """Synchronous; each call is bounded, and raises `KafkaUnavailableError`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = Admin(settings)

    @kafka_errors()
    def existing(self, timeout: float = TIMEOUT) -> Mapping[str, int]:
        """Topic names and their numbers of partitions."""
        prefix, own = self._settings.topic_prefix, self._settings.own
        return {
            own(name): len(topic.partitions)
            for name, topic in self._admin.list_topics(timeout=timeout).topics.items()
            if name.startswith(prefix)
        }

    @kafka_errors()
    def create(self) -> Sequence[str]:
        """Make what is missing; the names made. Raises `Stop` for another number of partitions."""
        existing = self.existing()
        for topic in ALL:
            if existing.get(topic.name, topic.partitions) != topic.partitions:
                raise Stop(
                    "topic_changed",
                    f"The topic {topic.name} has {existing[topic.name]} partitions and must have "
                    f"{topic.partitions}. It was not changed, because keys would move between "
                    "partitions. Use another KAFKA_TOPIC_PREFIX.",
                )
        missing = [topic for topic in ALL if topic.name not in existing]
        self._make(missing)
        return [topic.name for topic in missing]

    @kafka_errors()
    def make(self, topic: Topic) -> None:
        """Make this topic if it is missing."""
        if topic.name not in self.existing():
            self._make([topic])

    @kafka_errors()
    def ids(self, names: Sequence[str]) -> Mapping[str, str]:
        """The id of each topic: a recreated topic has another one."""
        topics = TopicCollection([self._settings.prefixed(name) for name in names])
        return {
            self._settings.own(name): str(future.result(TIMEOUT).topic_id)
            for name, future in self._admin.describe_topics(topics).items()
        }

    def _make(self, missing: Sequence[Topic]) -> None:
        brokers = len(self._admin.list_topics(timeout=TIMEOUT).brokers)
        made = [self._new_topic(topic, 3 if brokers >= 3 else 1) for topic in missing]
        for future in self._admin.create_topics(made).values() if made else ():
            future.result(TIMEOUT)

    def _new_topic(self, topic: Topic, replicas: int) -> NewTopic:
        return NewTopic(
            self._settings.prefixed(topic.name),
            num_partitions=topic.partitions,
            replication_factor=replicas,
            config={
                "retention.ms": str(topic.retention_ms),
                "cleanup.policy": "compact" if topic.compacted else "delete",
                "min.insync.replicas": "2" if replicas == 3 else "1",
                "max.message.bytes": str(MAX_RECORD_BYTES),
                **({"segment.ms": str(topic.segment_ms)} if topic.segment_ms else {}),
            },
        )


class LogOffsets:
    """How far the log reaches, and groups have read it. Synchronous and bounded, as `Topics`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = Admin(settings)

    @kafka_errors()
    def committed(self, group: str) -> Mapping[Place, int]:
        """The next offset of each partition in which the group has committed one."""
        own, name = self._settings.own, self._settings.prefixed(group)
        with closing(GroupOffsets(self._settings, name, self._admin)) as offsets:
            found = offsets.committed()
        return {(own(topic), p): last.offset for (topic, p), last in found.items()}

    @kafka_errors()
    def bounds(self, topics: Sequence[str]) -> Mapping[Place, tuple[int, int]]:
        """Of each partition the first offset that is kept, and the one after the newest."""
        known = self._admin.list_topics(timeout=TIMEOUT).topics
        names = [self._settings.prefixed(topic) for topic in topics]
        if missing := sorted(set(names) - known.keys()):
            raise KafkaUnavailableError(f"there is no topic {', '.join(missing)}")
        places = [(name, p) for name in names for p in known[name].partitions]
        first, end = (offsets(self._admin, places, spec) for spec in (EARLIEST, LATEST))
        return {(self._settings.own(name), p): (first[name, p], end[name, p]) for name, p in places}


def offsets(admin: AdminClient, places: Sequence[Place], which: OffsetSpec) -> Mapping[Place, int]:
    """One offset of each partition; names are the broker's."""
    asked = {TopicPartition(*place): which for place in places}
    return {
        (p.topic, p.partition): future.result(TIMEOUT).offset
        for p, future in admin.list_offsets(asked).items()
    }


async def wait_for_topics(settings: KafkaSettings, say: Callable[[str], None]) -> Mapping[str, int]:
    """Return once the broker answers and has our topics: how many partitions each has. Say what is
    missing meanwhile."""
    topics = Topics(settings)
    while True:
        try:
            existing = await asyncio.to_thread(topics.existing, timeout=2.5)  # a stop waits for it
            missing = sorted(BY_NAME.keys() - existing)
            if not missing:
                return existing
            say(f"Kafka has no topic {', '.join(missing)}. Run `drivestream setup`.")
        except KafkaUnavailableError as why:
            say(f"Waiting for Kafka at {settings.bootstrap_servers}: {why}")
        await asyncio.sleep(2.0)

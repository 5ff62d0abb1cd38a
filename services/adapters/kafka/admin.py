"""Topics: making them, checking them, and waiting for a broker that is not there yet."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors
from services.adapters.kafka.settings import KafkaSettings
from services.core.errors import Stop
from services.core.topics import ALL, BY_NAME, Topic
from services.core.wire import MAX_RECORD_BYTES

TIMEOUT = 10.0


class Topics:
    """Synchronous; each call is bounded, and raises `KafkaUnavailableError`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers, "log_level": 2})

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
                    f"{topic.name} has {existing[topic.name]} partitions, but {topic.partitions} "
                    "are wanted. Keys would move between partitions, so it is left as it is.",
                )
        brokers = len(self._admin.list_topics(timeout=TIMEOUT).brokers)
        missing = [topic for topic in ALL if topic.name not in existing]
        made = [self._new_topic(topic, 3 if brokers >= 3 else 1) for topic in missing]
        for future in self._admin.create_topics(made).values() if made else ():
            future.result(TIMEOUT)
        return [topic.name for topic in missing]

    @kafka_errors()
    def ids(self, names: Sequence[str]) -> Mapping[str, str]:
        """The id of each topic: a recreated topic has another one."""
        topics = TopicCollection([self._settings.prefixed(name) for name in names])
        return {
            self._settings.own(name): str(future.result(TIMEOUT).topic_id)
            for name, future in self._admin.describe_topics(topics).items()
        }

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
            },
        )


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
            say(f"Kafka answers, but has no topic {', '.join(missing)}: run `drivestream setup`.")
        except KafkaUnavailableError as why:
            say(f"Waiting for Kafka at {settings.bootstrap_servers}: {why}")
        await asyncio.sleep(2.0)

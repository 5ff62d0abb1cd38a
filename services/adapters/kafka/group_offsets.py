"""What a group has committed, and committing for it, by a consumer that never joins.

The admin client can do the same, but its questions to a group's coordinator end the process: with
SIGSEGV where the broker answers that it is not the coordinator, as a new Kafka does at the first
question (librdkafka issue 5040), and with an abort where the broker goes away meanwhile (4605).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import confluent_kafka as ck

from services.adapters.kafka.admin_client import Admin
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.reader import reader_config
from services.adapters.kafka.settings import KafkaSettings

TIMEOUT = 10.0
NO_COORDINATOR_YET = {
    ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    ck.KafkaError.COORDINATOR_NOT_AVAILABLE,
    ck.KafkaError.NOT_COORDINATOR,
}
WITHOUT_MEMBERS = {ck.ConsumerGroupState.EMPTY, ck.ConsumerGroupState.DEAD}
Place = tuple[str, int]
"""Topic and partition."""
T = TypeVar("T")


class GroupOffsets:
    """One group; all names are the broker's. Synchronous and bounded; raises confluent-kafka's
    errors. `admin` is asked for what takes no coordinator."""

    def __init__(self, settings: KafkaSettings, group: str, admin: Admin) -> None:
        self._name = group
        self._admin = admin
        config = reader_config(settings, "drivestream-offsets")
        self._consumer = Consumer(config | {"group.id": group})

    def committed(self, topic: str | None = None) -> Mapping[Place, ck.TopicPartition]:
        """The partitions, of this topic or of all, in which the group has committed something."""
        known = self._admin.list_topics(timeout=TIMEOUT).topics
        names = [name for name in known if topic in (None, name) and not name.startswith("__")]
        asked = [ck.TopicPartition(name, p) for name in names for p in known[name].partitions]
        if not asked:
            return {}
        found = _patiently(lambda: self._consumer.committed(asked, timeout=TIMEOUT))
        return {(p.topic, p.partition): p for p in found if p.error is None and p.offset >= 0}

    def is_active(self) -> bool:
        """Whether it has members now; a group that nobody knows has none."""
        return _patiently(self._is_active)

    def _is_active(self) -> bool:
        listed = self._admin.list_consumer_groups().result(TIMEOUT)
        if self._name in {g.group_id for g in listed.valid if g.state not in WITHOUT_MEMBERS}:
            return True
        for error in listed.errors:
            # A KafkaError can be raised and not be caught: it would end the thread, and whoever
            # waits for the thread would wait for ever.
            raise ck.KafkaException(error)
        return False

    def commit(self, offsets: Sequence[ck.TopicPartition]) -> Sequence[ck.TopicPartition]:
        """The broker refuses it while the group has members. Each partition has its own error."""
        to = list(offsets)
        return _patiently(lambda: self._consumer.commit(offsets=to, asynchronous=False) or [])

    def close(self) -> None:
        self._consumer.close()


def _patiently(ask: Callable[[], T]) -> T:
    """Ask again while the group has no coordinator yet, for up to `TIMEOUT` seconds."""
    until = time.monotonic() + TIMEOUT
    while True:
        try:
            return ask()
        except ck.KafkaException as why:
            if why.args[0].code() not in NO_COORDINATOR_YET or time.monotonic() > until:
                raise
        time.sleep(0.1)

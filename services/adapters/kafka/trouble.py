"""What librdkafka's threads complain of, in the log: when it begins, now and then, and its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from confluent_kafka import KafkaError

from services.adapters.kafka.errors import sentence

SAID_AGAIN_SECONDS = 60.0
QUIET_SECONDS = 30.0
"""librdkafka tries each broker again at least every 10 seconds. While one of several is away, the
others answer: that is not the end of it."""
log = structlog.get_logger("kafka")


@dataclass(eq=False)
class TroubleLog:
    """Of all handles of a process: what is wrong is wrong for each of them, and librdkafka says it
    many times a second. It never says that it is over; who had an answer does, with `answered`.
    To be called on any thread."""

    clock: Callable[[], float] = time.monotonic
    _said: dict[str, float] = field(default_factory=dict)
    _began: float | None = None
    _last: float = 0.0

    def tell(self, error: KafkaError, **where: object) -> None:
        self._last = now = self.clock()
        self._began = self._began or now
        what = f"{error.name()} {where.get('topic', '')}"
        if what not in self._said or now - self._said[what] >= SAID_AGAIN_SECONDS:
            self._said[what] = now
            log.warning("kafka.trouble", error=sentence(error), **where)

    def answered(self) -> None:
        """Kafka has done what it was asked."""
        began = self._began
        if began is None or self.clock() - self._last < QUIET_SECONDS:
            return
        self._began = None
        self._said.clear()
        log.info("kafka.trouble_is_over", seconds=round(self._last - began))

"""Reads the backlog of a group's partitions ahead of their turn, with a handle of its own.

It is no member of the group: it reads what the group's consumer has been assigned, on that
consumer's thread, and commits nothing. `core/flow/lookahead.py` decides what is begun out of turn.
"""

import time
from collections.abc import Callable, Iterable, Mapping

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.errors import sentence
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.reader import raw, reader_config
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.lookahead import Lookahead
from services.core.ownership import Headers, Ownership

AT_ONCE = 500
IDLE, WATCHING, READING = 0.1, 0.02, 0.005
AGAIN_SECONDS = 5.0
BUFFERS = {
    "queued.min.messages": 500,
    "queued.max.messages.kbytes": 4 * 1024,
    "fetch.message.max.bytes": 256 * 1024,
    "fetch.wait.max.ms": 25,  # a wait at the end of one partition delays all others
    "fetch.queue.backoff.ms": 20,
}
"""A turn to another place throws away what was fetched, so little is."""
log = structlog.get_logger("kafka")


class AheadReader:
    """Every method is called on the thread of the group's consumer."""

    def __init__(self, settings: KafkaSettings, group: str, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._name = settings.prefixed(topic)
        config = reader_config(settings, f"drivestream-{group}-ahead") | BUFFERS
        self._consumer = Consumer(config | {"group.id": settings.prefixed(f"{group}-ahead")})
        self._reads: dict[int, Lookahead] = {}
        self._again_at: dict[int, float] = {}  # where it failed
        self.pause = IDLE
        """Seconds that may pass until the next step."""

    def close(self) -> None:
        self._consumer.close()

    def step(
        self, assigned: Mapping[int, Assignment], belongs: Callable[[Headers], Ownership]
    ) -> list[Delivery]:
        """What to begin out of turn. Waits for nothing."""
        self._follow(assigned)
        self.pause = IDLE
        if not self._reads:
            return []
        messages = self._consumer.consume(AT_ONCE, 0)
        self.pause = READING if messages else WATCHING
        found = [self._delivery(message, assigned, belongs) for message in messages]
        for number, lookahead in self._reads.items():
            self._turn(number, lookahead, assigned[number])
        return [delivery for delivery in found if delivery is not None]

    def withdraw(self, deliveries: Iterable[Delivery]) -> None:
        """They are not begun after all: nothing could be committed, as in a rebalance. What is
        ahead is looked at anew, but not at once."""
        self.pause = IDLE
        for delivery in deliveries:
            delivery.assignment.offsets.withdraw(delivery.record.offset)
            delivery.assignment.lookahead = None

    def _follow(self, assigned: Mapping[int, Assignment]) -> None:
        """Read where there is a backlog, from where it is not yet read in turn."""
        now = time.monotonic()
        for number, assignment in assigned.items():
            ahead, offsets = assignment.lookahead, assignment.offsets
            if ahead is not None and not ahead.is_needed:
                assignment.lookahead = None
            has_backlog = assignment.paused and offsets.unfinished > 0
            if ahead is None and has_backlog and now >= self._again_at.get(number, 0.0):
                assignment.lookahead = Lookahead(offsets, offsets.next)
        wanted = {n: a.lookahead for n, a in assigned.items() if a.lookahead is not None}
        gone = [n for n, ahead in self._reads.items() if wanted.get(n) is not ahead]
        if gone:
            self._consumer.incremental_unassign([TopicPartition(self._name, n) for n in gone])
        new = {n: ahead for n, ahead in wanted.items() if n in gone or n not in self._reads}
        if new:
            self._consumer.incremental_assign(
                [TopicPartition(self._name, n, ahead.scanned) for n, ahead in new.items()]
            )
        self._reads = wanted

    def _delivery(
        self,
        message: RawMessage,
        assigned: Mapping[int, Assignment],
        belongs: Callable[[Headers], Ownership],
    ) -> Delivery | None:
        number = -1 if (found := message.partition()) is None else found
        assignment = assigned.get(number)
        lookahead = self._reads.get(number)
        if (error := message.error()) is not None:
            if assignment is not None and not error.retriable():
                self._give_up(number, assignment, error)
            return None
        offset = message.offset()
        if assignment is None or lookahead is None or offset is None:
            return None
        record = raw(message, self._settings)
        ownership = belongs(record.headers)
        owner, bulk = ownership
        in_turn = assignment.in_turn[owner] > 0
        if not lookahead.takes(offset, owner, bulk=bulk, in_turn=in_turn):
            return None
        history = assignment.offsets.begin_ahead(offset)
        if history is None:
            return None
        lookahead.begun(owner)
        return Delivery(record, assignment, history, ownership, ahead=True)

    def _turn(self, number: int, lookahead: Lookahead, assignment: Assignment) -> None:
        place = TopicPartition(self._name, number)
        _, end = self._consumer.get_watermark_offsets(place, cached=True)
        if end < 0:  # nothing was fetched yet
            return
        to = lookahead.turn_to(end, assignment.in_turn)
        if to is None:
            return
        try:
            self._consumer.seek(TopicPartition(self._name, number, to))
        except KafkaException as why:
            self._give_up(number, assignment, why.args[0])

    def _give_up(self, number: int, assignment: Assignment, why: KafkaError) -> None:
        """For a while: what is read in turn does not depend on it."""
        log.warning("kafka.not_ahead", topic=self._topic, partition=number, error=sentence(why))
        assignment.lookahead = None
        self._again_at[number] = time.monotonic() + AGAIN_SECONDS

"""When a partition is paused, and what the commits say of suspects. What needs a broker is in
`contract` and `integration`."""

from collections import deque
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.reader import Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.commit_state import CommitState
from services.core.topics import FILES_FOUND

REFUSED = KafkaError(KafkaError.REBALANCE_IN_PROGRESS)


@pytest.mark.parametrize(
    ("unfinished", "paused", "pauses"),
    [
        (1, False, False),
        (3, False, False),
        (4, False, True),
        (5, True, True),
        (3, True, True),
        (2, True, False),
    ],
)
def test_watermarks_have_hysteresis(unfinished: int, paused: bool, pauses: bool) -> None:
    assert Flow(high=4, low=2).pauses(unfinished, paused=paused) is pauses


class Handle:
    """librdkafka's, as far as commits go. `answer` says what becomes of one."""

    def __init__(self) -> None:
        self.states: dict[int, CommitState | None] = {}
        self.answer: Callable[[TopicPartition], KafkaError | None] = lambda _partition: None

    def commit(self, *, offsets: Sequence[TopicPartition], asynchronous: bool) -> Any:
        answers = []
        for place in offsets:
            error = self.answer(place)
            if error is None:
                state = CommitState.decode(place.offset, place.metadata)
                self.states[place.partition] = state
            answers.append(
                SimpleNamespace(
                    partition=place.partition,
                    offset=place.offset,
                    metadata=place.metadata,
                    error=error,
                )
            )
        return None if asynchronous else answers

    def committed(self, partitions: object, **_: object) -> Sequence[TopicPartition]:
        return []

    def pause(self, _partitions: object) -> None: ...

    resume = pause

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        return (0, 0)


class Member:
    """A consumer whose thread is the test: `settle` is one turn of it."""

    def __init__(self, *partitions: int) -> None:
        settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")
        flow = Flow(commit_every_seconds=0.0)
        consumer = GroupConsumer(settings, group="g", topic=FILES_FOUND.name, flow=flow)
        self.consumer, self.handle = cast(Any, consumer), Handle()
        self.consumer._consumer = self.handle
        self.announced = 0
        self.tasks = SimpleNamespace(
            batch=None,
            started=deque[Delivery](),
            finished=deque[Delivery](),
            announced=SimpleNamespace(set=self._announce),
        )
        self.consumer._tasks = self.tasks
        self.consumer._loop = SimpleNamespace(call_soon_threadsafe=lambda call: call())
        self.assign(*partitions)

    def _announce(self) -> None:
        self.announced += 1

    def assign(self, *partitions: int) -> None:
        self.consumer._on_assign(None, [TopicPartition("t", each) for each in partitions])
        for each in partitions:
            self._of(each).offsets.begin(0)

    def _of(self, partition: int) -> Assignment:
        assignment: Assignment = self.consumer._assigned[partition]
        return assignment

    def delivery(self, partition: int) -> Delivery:
        record = Raw(topic="t", partition=partition, offset=0, key=b"", value=b"", headers={})
        return Delivery(record, self._of(partition))

    def settle(self) -> None:
        self.consumer._settle()

    def state(self, partition: int) -> CommitState:
        state = self.handle.states[partition]
        assert state is not None
        return state


def test_all_partitions_say_what_they_have_of_a_batch_until_it_has_ended() -> None:
    member = Member(0, 1)
    member.settle()
    assert (member.state(0).batch, member.announced) == (None, 0)
    member.tasks.batch = [member.delivery(0)]
    member.settle()
    assert (member.state(0).batch, member.state(0).alone) == (((0, 0),), 0)
    assert (member.state(1).batch, member.state(1).alone) == ((), None)
    assert member.announced == 1
    member.settle()
    assert member.announced == 1
    member.tasks.batch = None
    member.settle()
    assert (member.state(0).batch, member.state(1).batch) == (None, None)
    assert member.announced == 2


@pytest.mark.parametrize("of_partition", [True, False])
def test_a_batch_is_announced_only_once_the_commits_have_succeeded(of_partition: bool) -> None:
    member = Member(0, 1)
    member.settle()

    def refuse(place: TopicPartition) -> KafkaError | None:
        if of_partition:
            return REFUSED if place.partition else None
        raise KafkaException(REFUSED)

    member.handle.answer = refuse
    member.tasks.batch = [member.delivery(0), member.delivery(1)]
    member.settle()
    member.settle()
    assert member.announced == 0
    member.handle.answer = lambda _place: None
    member.settle()
    assert member.announced == 1
    assert member.state(1).batch == ((0, 0),)


def test_a_partition_that_comes_while_a_batch_is_in_hand_says_that_it_has_none_of_it() -> None:
    member = Member(0)
    member.tasks.batch = [member.delivery(0)]
    member.settle()
    member.assign(1)
    member.settle()
    assert member.state(1).batch == ()
    member.consumer._begin_anew(1)
    member._of(1).offsets.begin(0)
    member.settle()
    assert member.state(1).batch == ()

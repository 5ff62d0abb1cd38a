"""One task for each message: its order, its limit, its end, and what is done after a crash."""

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
import structlog
from msgspec.structs import replace

from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.message_tasks import CANCEL_SECONDS, WORKER_DIED
from services.adapters.kafka.reader import Raw
from services.core.events import Message
from services.core.flow.commit_state import BATCH
from services.core.flow.concurrency import give_back
from services.core.flow.offsets import History
from services.core.flow.turns import CLAIM, UP_TO, Claim, Rank
from services.core.ownership import Ownership
from services.core.topics import FILES_FOUND
from services.core.wire import encode
from tests.fakes.log import FakeGroupConsumer, FakeLog, FakePublisher
from tests.fakes.messages import Recorder, tasks_of
from tests.fakes.patience import until
from tests.fakes.virtual_time import now, virtual_time
from tests.samples import FOUND

Idle = Callable[[asyncio.Task[None]], bool]
SOON = 0.1


def a_delivery(
    name: str,
    assignment: Assignment | None = None,
    history: History = History.NEW,
    import_id: str = FOUND.import_id,
) -> Delivery:
    record = encode(replace(FOUND, file_id=name, import_id=import_id), source="test")
    raw = Raw(
        topic=record.topic, partition=0, offset=0, key=record.key, value=record.value, headers={}
    )
    return Delivery(raw, assignment or Assignment(), history)


async def for_ever(_event: Message) -> None:
    await asyncio.Event().wait()


async def for_a_second(_event: Message) -> None:
    await asyncio.sleep(1)


class Desk:
    """The tasks of one consumer; the test is the consumer's thread."""

    def __init__(
        self, recorder: Recorder, *, at_once: int = 32, idle: Idle = lambda _task: False
    ) -> None:
        self.recorder = recorder
        self.forbidden: set[str] = set()
        publisher = FakePublisher(FakeLog(), LookupError, "test")
        self.tasks = tasks_of(
            recorder,
            publisher,
            at_once=at_once,
            idle=idle,
            allows=lambda event: event.key not in self.forbidden,
        )
        self.source = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends; then what is in hand is worked on to its end."""
        running = asyncio.create_task(self.tasks.run(self.source))
        await asyncio.sleep(SOON)
        yield
        self.source.set_result(None)
        await running

    @asynccontextmanager
    async def announcing(self) -> AsyncIterator[list[Sequence[Delivery] | None]]:
        """Until the block ends, the commits say at once what batch is in hand; here is what."""
        said: list[Sequence[Delivery] | None] = [None]

        async def announce() -> None:
            while True:
                if self.tasks.batch is not said[-1]:
                    said.append(self.tasks.batch)
                    self.tasks.announced.set()
                await asyncio.sleep(0.001)

        announcing = asyncio.create_task(announce())
        yield said
        announcing.cancel()

    async def deliver(self, *deliveries: Delivery) -> None:
        """Hand over, and let the tasks begin."""
        self.tasks.deliver(deliveries)
        await asyncio.sleep(SOON)

    @property
    def finished(self) -> list[str]:
        """The keys of what may be committed."""
        return [(each.record.key or b"").decode() for each in self.tasks.finished]


@virtual_time
async def test_what_is_logged_while_a_message_is_worked_on_names_its_import() -> None:
    named: list[Mapping[str, object]] = []

    async def look(_event: Message) -> None:
        named.append(structlog.contextvars.get_contextvars())

    desk = Desk(Recorder(look))
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("b", import_id="replay-7"))
    assert named == [{"import_id": FOUND.import_id}, {"replay_id": "replay-7"}]
    assert structlog.contextvars.get_contextvars() == {}


@virtual_time
async def test_a_message_is_finished_only_when_its_work_is_done() -> None:
    desk = Desk(Recorder(for_a_second))
    async with desk.running():
        await desk.deliver(a_delivery("a"))
        assert (len(desk.recorder.in_hand), desk.finished) == (1, [])
        await asyncio.sleep(1)
        assert desk.finished == ["a"]


@virtual_time
async def test_messages_finish_in_any_order() -> None:
    async def first_is_slow(event: Message) -> None:
        await asyncio.sleep(5 if event.key == "a" else 1)

    desk = Desk(Recorder(first_is_slow))
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("b"), a_delivery("c"))
    assert desk.finished == ["b", "c", "a"]


@virtual_time
async def test_what_is_cancelled_is_not_finished_and_gives_its_slot_back() -> None:
    lost = Assignment()
    desk = Desk(Recorder(for_ever), at_once=1)
    async with desk.running():
        await desk.deliver(a_delivery("a", lost))
        assert lost.tasks
        await desk.tasks.release([lost], 0)
        await desk.deliver(a_delivery("b", kept := Assignment()))
        assert [event.key for event in desk.recorder.in_hand] == ["b"]
        await desk.tasks.release([kept], 0)
    assert desk.finished == []
    assert [event.key for event in desk.recorder.cancelled] == ["a", "b"]
    assert not lost.tasks


@virtual_time
async def test_a_drain_cancels_what_only_waits_and_lets_the_rest_finish() -> None:
    assignment, waiting = Assignment(), set[asyncio.Task[object] | None]()

    async def act(event: Message) -> None:
        if event.key == "waits":
            waiting.add(asyncio.current_task())
            await asyncio.Event().wait()
        await asyncio.sleep(1)

    desk = Desk(Recorder(act), idle=lambda task: task in waiting)
    async with desk.running():
        await desk.deliver(a_delivery("waits", assignment), a_delivery("works", assignment))
        since = now()
        draining = asyncio.create_task(desk.tasks.release([assignment], 60))
        await asyncio.sleep(SOON)
        assert [event.key for event in desk.recorder.cancelled] == ["waits"]
        assert assignment.tasks
        await draining
        assert now() - since < 1.1
        assert not assignment.tasks
    assert desk.finished == ["works"]


@virtual_time
async def test_a_drain_is_bounded_and_so_is_the_wait_for_what_was_cancelled() -> None:
    assignment = Assignment()

    async def act(event: Message) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(3600 if event.key == "stubborn" else 1)

    desk = Desk(Recorder(act))
    async with desk.running():
        await desk.deliver(a_delivery("tidy", assignment), a_delivery("stubborn", assignment))
        since = now()
        await desk.tasks.release([assignment], 7)
        assert now() - since == pytest.approx(7 + CANCEL_SECONDS)
        await asyncio.sleep(SOON)
        assert [event.key for event in desk.recorder.in_hand] == ["stubborn"]
    assert desk.finished == []


@pytest.mark.parametrize("drain_seconds", [0, 60])
@virtual_time
async def test_what_is_queued_is_dropped_when_its_partition_goes(drain_seconds: float) -> None:
    gone, kept = Assignment(), Assignment()
    desk = Desk(Recorder(for_a_second), at_once=1)
    async with desk.running():
        await desk.deliver(a_delivery("a", kept), a_delivery("b", gone), a_delivery("c", kept))
        await desk.tasks.release([gone], drain_seconds)
    assert desk.finished == desk.recorder.keys == ["a", "c"]


@virtual_time
async def test_a_consumer_that_breaks_ends_what_is_in_hand_and_what_is_queued() -> None:
    desk = Desk(Recorder(for_ever), at_once=1)
    running = asyncio.create_task(desk.tasks.run(desk.source))
    await desk.deliver(a_delivery("a"), a_delivery("b"))
    desk.source.set_exception(LookupError("the broker refused us"))
    with pytest.raises(LookupError):
        await running
    assert [event.key for event in desk.recorder.cancelled] == ["a"]
    assert desk.finished == []


@virtual_time
async def test_what_may_have_been_handled_before_is_handled_as_that() -> None:
    desk = Desk(Recorder())
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("b", history=History.REDELIVERED))
    assert desk.recorder.redelivered == ["b"]


@virtual_time
async def test_a_suspect_is_worked_on_alone_and_only_once_that_is_announced() -> None:
    most = 0

    async def act(event: Message) -> None:
        nonlocal most
        if event.key == "suspect":
            most = len(desk.recorder.in_hand)
        await asyncio.sleep(1)
        if event.key == "suspect":
            most = max(most, len(desk.recorder.in_hand))

    desk = Desk(Recorder(act))
    async with desk.running():
        suspect = a_delivery("suspect", history=History.SUSPECT)
        await desk.deliver(a_delivery("a"), a_delivery("b"), suspect, a_delivery("c"))
        assert desk.tasks.batch is None
        await asyncio.sleep(10)
        assert sorted(desk.recorder.keys) == ["a", "b", "c"]
        assert desk.tasks.batch == [suspect]
        assert desk.recorder.in_hand == []
        desk.tasks.announced.set()
    assert desk.recorder.keys[3:] == ["suspect"]
    assert most == 1


@pytest.mark.parametrize(("at_once", "largest"), [(1, 1), (5, 5), (100, BATCH)])
@virtual_time
async def test_suspects_are_worked_on_in_small_batches_and_nothing_else_meanwhile(
    at_once: int, largest: int
) -> None:
    together: list[set[str]] = []

    async def act(_event: Message) -> None:
        await asyncio.sleep(1)
        together.append({event.key for event in desk.recorder.in_hand})

    desk = Desk(Recorder(act), at_once=at_once)
    suspects = {f"suspect-{n}" for n in range(2 * BATCH + 1)}
    async with desk.running(), desk.announcing() as announced:
        await desk.deliver(
            *(a_delivery(name, history=History.SUSPECT) for name in sorted(suspects)),
            a_delivery("innocent"),
            *(a_delivery(f"late-{n}", history=History.SUSPECT) for n in range(2)),
            a_delivery("last"),
        )
        await asyncio.sleep(60)
        assert announced[-1] is None
    assert set(desk.finished) >= suspects | {"innocent", "late-0", "late-1", "last"}
    assert max(map(len, together)) == largest
    assert all(
        {key.startswith(("suspect", "late")) for key in each} != {True, False} for each in together
    )
    sizes = [len(batch) for batch in announced if batch]
    assert sum(sizes) == len(suspects) + 2
    assert max(sizes) == largest
    assert not desk.tasks.meets_suspects


@virtual_time
async def test_suspects_of_one_import_beside_others_of_another_fill_their_batches() -> None:
    desk = Desk(Recorder(for_a_second), at_once=BATCH)
    suspects = [
        dataclasses.replace(owned("large", n), history=History.SUSPECT) for n in range(2 * BATCH)
    ]
    others = [owned("small", n) for n in range(4 * BATCH)]
    async with desk.running(), desk.announcing() as announced:
        await desk.deliver(*suspects, *others)
        await asyncio.sleep(60)
    assert [len(batch) for batch in announced if batch] == [BATCH, BATCH]
    first_suspect = desk.finished.index("large-0")
    assert first_suspect in range(BATCH, 2 * BATCH + 1), "neither waits for all of the others"


@virtual_time
async def test_where_nothing_is_suspected_nothing_is_worked_on_apart() -> None:
    desk = Desk(Recorder(for_a_second))
    desk.tasks.suspects = False
    kinds = [History.SUSPECT, History.ISOLATED, History.CONDEMNED, History.NEW]
    async with desk.running():
        await desk.deliver(*(a_delivery(f"{n}", history=kind) for n, kind in enumerate(kinds)))
        assert len(desk.recorder.in_hand) == len(kinds)
    assert desk.recorder.redelivered == ["0", "1", "2"]


@virtual_time
async def test_what_was_in_a_batch_when_a_worker_died_is_worked_on_alone() -> None:
    desk = Desk(Recorder(for_a_second))
    kinds = [History.SUSPECT, History.ISOLATED, History.SUSPECT, History.ISOLATED]
    async with desk.running(), desk.announcing() as announced:
        await desk.deliver(*(a_delivery(f"{n}", history=kind) for n, kind in enumerate(kinds)))
        assert desk.tasks.meets_suspects
        await asyncio.sleep(10)
    keys = [[each.record.key for each in batch] for batch in announced if batch]
    assert keys == [[b"0", b"2"], [b"1"], [b"3"]]


@virtual_time
async def test_who_has_given_its_slot_back_lets_the_next_one_in() -> None:
    async def act(event: Message) -> None:
        if event.key != "b":
            give_back()
        await asyncio.sleep(1)

    desk = Desk(Recorder(act), at_once=1)
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("b"), a_delivery("c"))
        assert [event.key for event in desk.recorder.in_hand] == ["a", "b"]
    assert desk.recorder.keys == ["a", "b", "c"]
    assert (desk.tasks.limit.in_use, desk.tasks.limit.lingering) == (0, 0)


@virtual_time
async def test_a_suspect_waits_for_what_has_given_its_slot_back() -> None:
    async def act(_event: Message) -> None:
        give_back()
        await asyncio.sleep(1)

    desk = Desk(Recorder(act))
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("suspect", history=History.SUSPECT))
        assert [event.key for event in desk.recorder.in_hand] == ["a"]
        await asyncio.sleep(1)
        assert desk.recorder.in_hand == []
        desk.tasks.announced.set()
    assert desk.recorder.keys == ["a", "suspect"]


@virtual_time
async def test_a_suspect_whose_partition_goes_during_the_announcement_is_dropped() -> None:
    assignment = Assignment()
    desk = Desk(Recorder(), at_once=1)
    async with desk.running():
        await desk.deliver(a_delivery("suspect", assignment, History.SUSPECT), a_delivery("a"))
        await desk.tasks.release([assignment], 0)
        desk.tasks.announced.set()
    assert desk.recorder.keys == desk.finished == ["a"]


@virtual_time
async def test_suspects_that_are_still_queued_do_not_hold_up_the_end() -> None:
    """Nobody would answer their announcements: the consumer's thread has ended."""
    assignment = Assignment()
    desk = Desk(Recorder())
    async with desk.running():
        suspects = [a_delivery(name, assignment, History.SUSPECT) for name in "abc"]
        await desk.deliver(*suspects)
        await desk.tasks.release([assignment], 0)
    assert desk.finished == []


@virtual_time
async def test_what_killed_its_worker_alone_is_set_aside_without_a_try() -> None:
    desk = Desk(Recorder())
    async with desk.running():
        await desk.deliver(a_delivery("a", history=History.CONDEMNED))
    assert desk.recorder.handled == []
    assert [(event.key, why) for event, why in desk.recorder.failed] == [("a", WORKER_DIED)]
    assert desk.finished == ["a"]


class Lives:
    """Workers, one after the other. Each dies as soon as it takes up `killer`, and is killed from
    outside after `seconds`."""

    def __init__(self, killer: str = "", seconds: float = math.inf) -> None:
        self.killer = killer
        self.seconds = seconds
        self.log = FakeLog()
        self.publisher = FakePublisher(self.log, LookupError, "test")
        self.deaths = 0
        self.handled: set[str] = set()
        self.failed: list[tuple[str, str]] = []

    async def live(self, count: int) -> None:
        """One worker, until it dies, or until each of so many messages has come to an end."""
        died = asyncio.Event()
        killed_at = now() + self.seconds
        committed = self.log.committed

        def is_dead(key: str = "") -> bool:
            nonlocal committed
            if not died.is_set() and (key == self.killer or now() >= killed_at):
                committed = dict(self.log.committed)  # a dead worker commits no more
                died.set()
            return died.is_set()

        async def act(event: Message) -> None:
            await asyncio.sleep(0.01)
            if is_dead(event.key):
                await asyncio.Event().wait()
            self.handled.add(event.key)

        recorder = Recorder(act)
        consumer = FakeGroupConsumer(
            self.log, group="g", topic=FILES_FOUND.name, drain_seconds=0.01
        )
        tasks = tasks_of(recorder, self.publisher, at_once=8)
        running = asyncio.create_task(consumer.run(tasks))
        await until(lambda: is_dead(" ") or len(self.handled) + len(recorder.failed) == count)
        self.failed += [(event.key, why) for event, why in recorder.failed]
        consumer.stop()
        await running
        self.log.committed = committed if died.is_set() else self.log.committed
        self.deaths += died.is_set()


@virtual_time
async def test_a_message_that_kills_its_worker_is_set_aside_and_all_others_are_handled() -> None:
    lives, names = Lives("file-17"), [f"file-{n}" for n in range(40)]
    await lives.publisher.publish([replace(FOUND, file_id=name) for name in names])
    for _ in range(10):
        await lives.live(len(names))
        if lives.failed:
            break
    assert lives.failed == [("file-17", WORKER_DIED)]
    assert lives.handled == set(names) - {"file-17"}
    assert lives.deaths == 6  # three among others, one in a batch, two alone


@virtual_time
async def test_workers_that_are_killed_from_outside_again_and_again_get_on() -> None:
    """There are suspects in a dozen partitions. One at a time, it would take some 50 lives."""
    lives, names = Lives(seconds=0.3), [f"file-{n}" for n in range(2_000)]
    await lives.publisher.publish([replace(FOUND, file_id=name) for name in names])
    while len(lives.handled) < len(names) and lives.deaths < 20:
        await lives.live(len(names))
    assert lives.handled == set(names)
    assert lives.failed == []


async def test_what_is_not_allowed_is_passed() -> None:
    desk = Desk(Recorder())
    desk.forbidden = {"b"}
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("b"), a_delivery("c"))
    assert desk.recorder.keys == ["a", "c"]
    assert len(desk.tasks.finished) == 3


async def test_work_that_is_no_longer_allowed_is_cancelled_and_counts_as_finished() -> None:
    desk = Desk(Recorder(for_a_second))
    async with desk.running():
        await desk.deliver(a_delivery("a"), a_delivery("b"))
        desk.forbidden = {"a"}
        desk.tasks.recheck()
        desk.tasks.recheck()  # a second control arrives while the first takes effect
        await asyncio.sleep(SOON)
        assert [event.key for event in desk.recorder.cancelled] == ["a"]
        assert len(desk.tasks.finished) == 1
    assert desk.recorder.keys == ["b"]
    assert len(desk.tasks.finished) == 2


async def test_a_timeout_of_the_work_itself_is_not_taken_for_a_control() -> None:
    async def times_out(_event: Message) -> None:
        raise TimeoutError

    desk = Desk(Recorder(times_out))
    async with desk.running():
        await desk.deliver(a_delivery("a"))
        assert not desk.tasks.finished
        desk.forbidden = {"a"}
        desk.tasks.recheck()  # it waits at the breaker for our own errors


@virtual_time
async def test_a_small_import_is_started_before_what_was_delivered_earlier() -> None:
    recorder = Recorder(for_a_second)
    desk = Desk(recorder, at_once=2)
    large = [owned("large", number) for number in range(2 * UP_TO[0])]
    small = [owned("small", number) for number in range(3)]
    async with desk.running():
        await desk.deliver(*large)
        await asyncio.sleep(UP_TO[0] * 0.75)
        done = len(recorder.keys) + len(recorder.in_hand)
        assert done > UP_TO[0]
        await desk.deliver(*small)
    order = [key.split("-")[0] for key in recorder.keys]
    assert order[done : done + 3] == ["small"] * 3
    assert len(order) == len(large) + 3


@virtual_time
async def test_what_a_task_asks_for_is_claimed_for_its_import() -> None:
    claims: list[Claim] = []

    async def look(_event: Message) -> None:
        claims.append(CLAIM.get())

    desk = Desk(Recorder(look))
    async with desk.running():
        await desk.deliver(owned("a", 1), owned("b", 2, bulk=True))
    assert claims == [Claim("a", Rank.FIRST), Claim("b", Rank.BULK)]
    assert set(desk.tasks.worked_on.lately(at_most=5)) == {"a", "b"}


def owned(owner: str, number: int, *, bulk: bool = False) -> Delivery:
    delivery = a_delivery(f"{owner}-{number}")
    return dataclasses.replace(delivery, ownership=Ownership(owner, bulk))

"""`drivestream rewind` on a real Kafka, with groups that have really worked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from local.cli import main
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.topics import FILES_FOUND, FILES_STORED
from tests.fakes.messages import Recorder, tasks_of
from tests.fakes.patience import until
from tests.platform import Platform
from tests.samples import FOUND

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
WAIT = 60.0
TOPIC = FILES_FOUND.name
Capture = pytest.CaptureFixture[str]


def files(first: int, count: int) -> list[e.FileFound]:
    return [replace(FOUND, file_id=f"file-{n:04}") for n in range(first, first + count)]


class Group(NamedTuple):
    """A group that reads `files.found`, and what it is tested with."""

    settings: KafkaSettings
    publisher: Publisher
    capture: Capture

    @asynccontextmanager
    async def consuming(self, recorder: Recorder) -> AsyncIterator[None]:
        """One member for the length of the block; it leaves in order."""
        flow = Flow(drain_seconds=0.5)
        consumer = GroupConsumer(self.settings, group="readers", topic=TOPIC, flow=flow)
        task = asyncio.create_task(consumer.run(tasks_of(recorder, self.publisher)))
        try:
            yield
        finally:
            consumer.stop()
            await asyncio.wait_for(task, WAIT)

    async def handle(self, count: int) -> Recorder:
        """Consume until so many are handled, and nothing more has come for a moment."""
        recorder = Recorder()
        async with self.consuming(recorder):
            await until(lambda: len(recorder.handled) >= count, WAIT)
            await asyncio.sleep(0.5)
        return recorder

    def rewind(self, to: str, *options: str, group: str = "readers") -> tuple[int, dict[str, Any]]:
        """Exit code and document of the command."""
        self.capture.readouterr()  # the consumer logs to standard output
        code = main(["rewind", group, "--to", to, "--json", *options])
        document = json.loads(self.capture.readouterr().out)
        assert isinstance(document, dict)
        return code, document

    def metadata(self) -> set[str]:
        """What Kafka itself has beside the offsets of the group."""
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap_servers})
        name = self.settings.prefixed("readers")
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])
        return {p.metadata or "" for p in asked[name].result(60).topic_partitions}


@pytest.fixture(autouse=True)
def environment(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers as an operator gives them; no copy runs."""
    monkeypatch.setenv("DATA_DIR", "/nowhere")
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX"):
        monkeypatch.setenv(name, platform.env[name])


@pytest.fixture
async def group(kafka_settings: KafkaSettings, capsys: Capture) -> AsyncIterator[Group]:
    async with Publisher(kafka_settings, source="test") as publisher:
        yield Group(kafka_settings, publisher, capsys)


def total(document: dict[str, Any], what: str) -> int:
    return sum(move[what] for move in document["moves"])


async def test_a_rewind_repeats_what_finished_behind_a_message_that_hung(group: Group) -> None:
    """Finished ranges are in the commit's metadata: left there, they would hide what they name."""
    await group.publisher.publish(files(0, 120))
    hanging = {f"file-{n:04}" for n in range(0, 120, 7)}

    async def act(event: e.Message) -> None:
        if event.key in hanging:
            await asyncio.Event().wait()

    first = Recorder(act)
    async with group.consuming(first):
        await until(lambda: len(first.handled) == 120 - len(hanging), WAIT)
    assert group.metadata() != {""}

    code, plan = group.rewind("earliest")
    assert (code, plan["executed"]) == (0, False)
    assert total(plan, "repeats") == 120 - len(hanging)
    assert total(plan, "skips") == 0
    assert {m["topic"] for m in plan["moves"]} == {TOPIC}
    assert [m["partition"] for m in plan["moves"]] == list(range(12))
    _, end = group.rewind("latest")
    assert total(end, "skips") == len(hanging)
    assert total(end, "repeats") == 0

    code, done = group.rewind("earliest", "--execute")
    assert (code, done["executed"]) == (0, True)
    assert done["moves"] == plan["moves"], "planning has changed nothing"
    assert group.metadata() == {""}
    again = await group.handle(120)
    assert sorted(again.keys) == [f"file-{n:04}" for n in range(120)]


async def test_a_time_is_the_first_message_from_then_on(group: Group) -> None:
    await group.publisher.publish(files(0, 30))
    await asyncio.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    await group.publisher.publish(files(30, 25))
    await group.handle(55)
    code, done = group.rewind(moment, "--execute")
    assert (code, total(done, "repeats")) == (0, 25)
    again = await group.handle(25)
    assert sorted(again.keys) == [f"file-{n:04}" for n in range(30, 55)]
    _, future = group.rewind("2099-01-01")
    assert (total(future, "repeats"), total(future, "skips")) == (0, 0)


async def test_an_offset_is_kept_within_what_the_log_has(group: Group) -> None:
    await group.publisher.publish([replace(FOUND, round=n) for n in range(10)])
    await group.handle(10)
    _, plan = group.rewind("7")
    [move] = [move for move in plan["moves"] if move["now"] == 10]
    assert (move["then"], move["repeats"], move["skips"]) == (7, 3, 0)
    assert {m["then"] for m in plan["moves"] if m is not move} == {0}
    _, far = group.rewind("99999999999")
    assert {m["then"] for m in far["moves"]} == {0, 10}


async def test_what_is_skipped_is_said_and_never_delivered(group: Group) -> None:
    await group.publisher.publish(files(0, 20))
    await group.handle(20)
    await group.publisher.publish(files(20, 5))
    group.capture.readouterr()
    code = main(["rewind", "readers", "--to", "latest", "--execute"])
    said = group.capture.readouterr()
    assert code == 0
    assert said.out.splitlines()[0].split() == [
        *("topic", "partition", "now", "then", "to", "repeat", "to", "skip")
    ]
    assert len(said.out.splitlines()) == 13
    assert "5 messages will be skipped." in said.err
    await group.publisher.publish(files(25, 1))
    after = await group.handle(1)
    assert after.keys == ["file-0025"]


async def test_a_group_with_a_member_is_planned_and_not_moved(group: Group) -> None:
    await group.publisher.publish(files(0, 20))
    recorder = Recorder()
    async with group.consuming(recorder):
        await until(lambda: len(recorder.handled) == 20, WAIT)
        await until(lambda: total(group.rewind("earliest")[1], "repeats") == 20, WAIT)
        code, plan = group.rewind("earliest")
        assert (code, plan["members"]) == (0, 1)
        code, refused = group.rewind("earliest", "--execute")
        assert code == 1
        assert "is active" in refused["error"]
        assert group.rewind("earliest")[1]["moves"] == plan["moves"]
    again = await group.handle(0)
    assert again.keys == []


async def test_a_new_group_can_begin_in_the_past(group: Group) -> None:
    await group.publisher.publish(files(0, 10))
    code, refused = group.rewind("earliest")
    assert code == 1
    assert "has committed no offsets" in refused["error"]
    code, done = group.rewind("latest", "--topic", TOPIC, "--execute")
    assert (code, {move["now"] for move in done["moves"]}) == (0, {None})
    await group.publisher.publish(files(10, 1))
    assert (await group.handle(1)).keys == ["file-0010"]


async def test_only_the_topic_that_is_named_is_moved(group: Group) -> None:
    await group.publisher.publish(files(0, 1))
    await group.handle(1)
    assert group.rewind("latest", "--topic", FILES_STORED.name, "--execute")[0] == 0
    _, both = group.rewind("earliest")
    assert {move["topic"] for move in both["moves"]} == {TOPIC, FILES_STORED.name}
    _, one = group.rewind("earliest", "--topic", TOPIC)
    assert {move["topic"] for move in one["moves"]} == {TOPIC}
    code, refused = group.rewind("earliest", "--topic", "files.lost")
    assert code == 1
    assert refused["error"] == f"There is no topic {group.settings.prefixed('files.lost')}."


@pytest.mark.parametrize("to", ["-1", "soon", "", "1.5", "9" * 30])
def test_what_is_neither_a_time_nor_an_offset_is_wrong_usage(to: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rewind", "readers", f"--to={to}"])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_a_kafka_that_is_away_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert main(["rewind", "readers", "--to", "earliest", "--json"]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["state"] == "error"
    assert "Kafka at 127.0.0.1:1" in said.err

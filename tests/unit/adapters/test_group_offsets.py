"""A broker that is not, or not yet, the coordinator of a group ends no process."""

import subprocess
import sys

import pytest

ASKED = """
from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.backlog import Backlog
from services.adapters.kafka.rewind import GroupRewind
from services.adapters.kafka.settings import KafkaSettings
from tests.mock_kafka import NOT_COORDINATOR, OFFSET_FETCH, MockKafka

kafka = MockKafka()
kafka.create("files.found", 2)
kafka.answer(OFFSET_FETCH, [NOT_COORDINATOR])
settings = KafkaSettings(bootstrap_servers=kafka.servers)
print({})
"""


GROUP = 'group = GroupRewind(settings, "me")'


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ('LogOffsets(settings).committed("somebody")', "{}"),
        ('Backlog(settings, group="somebody", topic="files.found")._of(0)', "(0, 0)"),
        (
            '[m.now for m in GroupRewind(settings, "me").plan("latest", "files.found")]',
            "[None, None]",
        ),
    ],
)
def test_whoever_asks_what_a_group_has_committed_lives_on(question: str, answer: str) -> None:
    """Each asks in a process of its own, which librdkafka's admin client would end with SIGSEGV."""
    command = [sys.executable, "-c", ASKED.replace("{}", question)]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (asked.returncode, asked.stdout.strip()) == (0, answer), asked.stderr


def test_a_topic_that_is_missing_is_named_with_what_to_run() -> None:
    question = 'LogReader(settings, client_id="me").partitions("imports.requested")'
    program = "from services.adapters.kafka.reader import LogReader\n" + ASKED
    command = [sys.executable, "-c", program.replace("{}", question)]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert "Kafka has no topic imports.requested: run `drivestream setup`" in asked.stderr


def test_an_error_in_a_list_of_groups_reaches_whoever_asked_in_a_thread() -> None:
    """The mock cannot list groups. A KafkaError that is raised would end the thread unseen."""
    question = "asyncio.run(asyncio.wait_for(asyncio.to_thread(group.is_active), 60))"
    program = f"import asyncio\n{ASKED}".replace("print({})", f"{GROUP}\nprint({question})")
    command = [sys.executable, "-c", program]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert "KafkaUnavailableError: Local: Required feature not supported" in asked.stderr

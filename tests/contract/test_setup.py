"""Set-up on real servers: run again it changes nothing, and it refuses a topic that changed."""

import time

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import FILE_PARTITIONS, FILES_FOUND
from services.setup.__main__ import main, provisioners
from tests.platform import Platform

pytestmark = pytest.mark.real


def test_a_second_run_finds_everything_there(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(platform.env, provisioners) == 0
    said = capsys.readouterr().err
    assert "Kafka: all topics exist" in said
    assert f"bucket {platform.env['S3_BUCKET']} exists" in said
    assert "PostgreSQL: the database is at version" in said


def test_a_topic_with_more_partitions_than_expected_is_refused(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = KafkaSettings.read(Reader(platform.env)).prefixed(FILES_FOUND.name)
    double_the_partitions(platform, topic)
    assert main(platform.env, provisioners) == 1
    said = capsys.readouterr().err
    assert f"{FILES_FOUND.name} has 24 partitions and must have 12." in said
    assert "Traceback" not in said


def double_the_partitions(platform: Platform, topic: str) -> None:
    """Return once the broker tells every client of it."""
    admin = AdminClient({"bootstrap.servers": platform.env["KAFKA_BOOTSTRAP_SERVERS"]})
    for future in admin.create_partitions([NewPartitions(topic, 2 * FILE_PARTITIONS)]).values():
        future.result(60)
    until = time.monotonic() + 60
    while len(admin.list_topics(topic, timeout=60).topics[topic].partitions) == FILE_PARTITIONS:
        assert time.monotonic() < until, "the broker did not add the partitions"
        time.sleep(0.02)

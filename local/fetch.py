"""All that has to be on this machine before anything starts, found or fetched."""

from collections.abc import Iterator, Mapping

from local.servers.postgres import postgres_programs
from local.toolchains.java import java
from local.toolchains.kafka_jars import kafka_jars
from local.toolchains.minio_binary import minio_binary
from local.toolchains.page import built_page


def fetched(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What it is and where; one after the other, since each takes the whole machine."""
    yield "Java", java(env)
    yield "Kafka", str(kafka_jars(env))
    yield "PostgreSQL", str(postgres_programs(env))
    yield "MinIO", minio_binary(env)
    yield "Page, with Node", built_page(env).program

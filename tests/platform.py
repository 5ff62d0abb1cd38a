"""An empty platform for one test: the servers stay, what is in them goes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from minio import Minio
from minio.deleteobjects import DeleteObject

from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.store.bucket import create_bucket
from services.adapters.store.settings import StoreSettings
from services.core.settings import Reader
from services.core.topics import ALL
from tests.uploads import incomplete_uploads

ADMIN_SECONDS = 60


@dataclass(frozen=True)
class Platform:
    """The settings of services that run against it."""

    env: Mapping[str, str] = field(repr=False)

    def minio(self) -> Minio:
        """The vendor's own client, to look with."""
        parts = urlsplit(self.env["S3_ENDPOINT_URL"])
        return Minio(
            endpoint=parts.netloc,
            access_key=self.env["AWS_ACCESS_KEY_ID"],
            secret_key=self.env["AWS_SECRET_ACCESS_KEY"],
            region=self.env.get("AWS_REGION", "us-east-1"),
            secure=parts.scheme == "https",
        )

    def incomplete_uploads(self) -> Sequence[str]:
        """Keys of multipart uploads that are neither completed nor aborted."""
        return incomplete_uploads(StoreSettings.read(Reader(self.env)))

    def database(self) -> psycopg.Connection:
        """A connection to look with."""
        return psycopg.connect(self.env["DATABASE_URL"], autocommit=True, connect_timeout=60)


@contextmanager
def emptied(servers: Mapping[str, str]) -> Iterator[Platform]:
    """A database, a bucket and topics of its own; all are removed afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    bucket = name.replace("_", "-")
    address = urlsplit(servers["DATABASE_URL"])
    env = {
        **servers,
        "DATABASE_URL": urlunsplit(address._replace(path=f"/{name}")),
        "S3_BUCKET": bucket,
        "AWS_REGION": servers.get("AWS_REGION", "us-east-1"),
        "KAFKA_TOPIC_PREFIX": f"{name}.",
    }
    platform = Platform(env)
    _administer(servers, f'CREATE DATABASE "{name}"')
    try:
        _set_up(env)
        yield platform
    finally:
        _administer(servers, f'DROP DATABASE "{name}" WITH (FORCE)')
        _delete_bucket(platform.minio(), bucket)
        _delete_topics(env)


def _administer(servers: Mapping[str, str], statement: str) -> None:
    """In a session of its own: the server may be restarted between two of them."""
    address = servers["DATABASE_URL"]
    with psycopg.connect(address, autocommit=True, connect_timeout=60) as admin:
        admin.execute(statement.encode())


def _set_up(env: Mapping[str, str]) -> None:
    reader = Reader(env)
    topics = Topics(KafkaSettings.read(reader))
    topics.create()
    # The controller has made them; a busy broker may take a moment to know of them.
    until = time.monotonic() + ADMIN_SECONDS
    while len(topics.existing()) < len(ALL) and time.monotonic() < until:
        time.sleep(0.05)
    create_bucket(StoreSettings.read(reader))
    migrate(DatabaseSettings.read(reader))


def _delete_topics(env: Mapping[str, str]) -> None:
    """Have the broker delete them; nobody waits until it has."""
    settings = KafkaSettings.read(Reader(env))
    admin = AdminClient(settings.brokers())
    names = [settings.prefixed(topic.name) for topic in ALL]
    for future in admin.delete_topics(names, operation_timeout=0).values():
        with suppress(KafkaException):  # a test may have deleted it, or stopped the broker
            future.result(ADMIN_SECONDS)


def _delete_bucket(client: Minio, bucket: str) -> None:
    if not client.bucket_exists(bucket):
        return
    found = client.list_objects(bucket, recursive=True)
    for error in client.remove_objects(
        bucket, (DeleteObject(o.object_name) for o in found if o.object_name)
    ):
        raise AssertionError(str(error))
    client.remove_bucket(bucket)

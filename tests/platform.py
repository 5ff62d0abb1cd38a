"""An empty platform for one test: the servers stay, what is in them goes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from services.adapters.store.bucket import Bucket
from services.adapters.store.settings import StoreSettings
from services.core.settings import Reader
from services.core.topics import ALL

DELETE_SECONDS = 20
GROUPS = ("lister", "lister-requests", "transfer")


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

    def database(self) -> psycopg.Connection:
        """A connection to look with."""
        return psycopg.connect(self.env["DATABASE_URL"], autocommit=True, connect_timeout=10)


@contextmanager
def emptied(servers: Mapping[str, str]) -> Iterator[Platform]:
    """A new database and bucket, and all topics made anew; the database and bucket are removed."""
    name = f"test_{uuid4().hex[:12]}"
    bucket = name.replace("_", "-")
    address = urlsplit(servers["DATABASE_URL"])
    env = {
        **servers,
        "DATABASE_URL": urlunsplit(address._replace(path=f"/{name}")),
        "S3_BUCKET": bucket,
        "AWS_REGION": servers.get("AWS_REGION", "us-east-1"),
    }
    platform = Platform(env)
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True, connect_timeout=10) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            _delete_topics(servers["KAFKA_BOOTSTRAP_SERVERS"])
            _set_up(env)
            yield platform
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
            _delete_bucket(platform.minio(), bucket)


def _set_up(env: Mapping[str, str]) -> None:
    reader = Reader(env)
    Topics(KafkaSettings.read(reader)).create()
    Bucket(StoreSettings.read(reader)).create()
    migrate(DatabaseSettings.read(reader))


def _delete_topics(bootstrap: str) -> None:
    """Delete ours, and wait until the broker has forgotten them and the groups' offsets."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    names = [topic.name for topic in ALL]
    present = [name for name in names if name in admin.list_topics(timeout=10).topics]
    if not present:
        return
    for future in admin.delete_topics(present).values():
        future.result(DELETE_SECONDS)
    until = time.monotonic() + DELETE_SECONDS
    while set(present) & set(admin.list_topics(timeout=10).topics):
        assert time.monotonic() < until, "the topics are still there"
        time.sleep(0.05)
    # Only groups that are: to look for others, librdkafka waits for a coordinator that a broker
    # without any group does not have.
    known = admin.list_consumer_groups(request_timeout=10).result(DELETE_SECONDS).valid
    groups = [group.group_id for group in known if group.group_id in GROUPS]
    for future in admin.delete_consumer_groups(groups).values() if groups else ():
        try:
            future.result(DELETE_SECONDS)
        except KafkaException:
            continue  # a group that never was, or whose last member is still leaving


def _delete_bucket(client: Minio, bucket: str) -> None:
    if not client.bucket_exists(bucket):
        return
    found = client.list_objects(bucket, recursive=True)
    for error in client.remove_objects(
        bucket, (DeleteObject(o.object_name) for o in found if o.object_name)
    ):
        raise AssertionError(str(error))
    client.remove_bucket(bucket)

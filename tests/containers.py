"""The same servers in containers, for machines whose Docker engine answers."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from urllib.parse import urlsplit

import docker
import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from docker.errors import DockerException
from testcontainers.community.minio import MinioContainer
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from local.servers.ports import Ports

KAFKA_IMAGE = "apache/kafka:4.1.0"
MINIO_IMAGE = "minio/minio:RELEASE.2025-09-07T16-13-09Z"
POSTGRES_IMAGE = "postgres:17"
PING_SECONDS = 3
PATIENCE_SECONDS = 90


def docker_answers() -> bool:
    """Whether there is an engine to start containers with: something listens, and says OK."""
    address = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if address.scheme != "unix":
        return _pings()
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PING_SECONDS)
        try:
            probe.connect(address.path)
        except OSError:
            return False
    return _pings()


def _pings() -> bool:
    try:
        with closing(docker.DockerClient.from_env(timeout=PING_SECONDS)) as client:
            return bool(client.ping())
    except (DockerException, OSError):
        return False


@contextmanager
def container_servers(kinds: Sequence[str]) -> Iterator[dict[str, str]]:
    """Settings of the kinds asked for: `kafka`, `minio`, `postgres`."""
    starters: Mapping[str, Callable[[ExitStack], dict[str, str]]] = {
        "kafka": _kafka,
        "minio": _minio,
        "postgres": _postgres,
    }
    with ExitStack() as stack:
        settings: dict[str, str] = {}
        for kind in kinds:
            settings |= starters[kind](stack)
        yield settings


def _kafka(stack: ExitStack) -> dict[str, str]:
    # The broker tells clients its address, so the port outside must be known before it starts.
    port = Ports({}).free("a container")
    environment = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "OUTSIDE://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"OUTSIDE://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "OUTSIDE",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in environment.items():
        container.with_env(name, value)
    stack.enter_context(container)
    bootstrap = f"127.0.0.1:{port}"
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    _until(lambda: bool(admin.list_topics(timeout=2).brokers), KafkaException)
    return {"KAFKA_BOOTSTRAP_SERVERS": bootstrap}


def _minio(stack: ExitStack) -> dict[str, str]:
    container = stack.enter_context(MinioContainer(MINIO_IMAGE))
    config = container.get_config()
    return {
        "S3_ENDPOINT_URL": f"http://{config['endpoint']}",
        "AWS_ACCESS_KEY_ID": config["access_key"],
        "AWS_SECRET_ACCESS_KEY": config["secret_key"],
    }


def _postgres(stack: ExitStack) -> dict[str, str]:
    container = stack.enter_context(PostgresContainer(POSTGRES_IMAGE, driver=None))
    url = container.get_connection_url()

    def answers() -> bool:
        with psycopg.connect(url, connect_timeout=2):
            return True

    _until(answers, psycopg.Error)
    return {"DATABASE_URL": url}


def _until(answers: Callable[[], bool], trouble: type[Exception]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with suppress(trouble):
            if answers():
                return
        time.sleep(0.2)
    raise TimeoutError("a container did not answer in time")

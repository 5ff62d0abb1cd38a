"""Kafka on one machine: a real broker in KRaft mode, broker and controller in one process."""

import logging
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.run.processes import Command
from local.servers.ports import LOOPBACK, accepts
from local.servers.server import Place, Server, ServerError, plain_env
from local.toolchains.java import java
from local.toolchains.kafka_jars import kafka_jars

# The heap is the main job's, the rest keeps a broker with a few dozen partitions small.
JVM = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:ReservedCodeCacheSize=96m",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
# One broker, few partitions of its own, and members that are missed within seconds: classic
# groups choose their session timeout themselves, groups of KIP-848 get the broker's.
BROKER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    # A group that was away for longer would begin every topic anew: ten years, in minutes.
    "offsets.retention.minutes": "5256000",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.min.session.timeout.ms": "6000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.heartbeat.interval.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "2000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}
FORMATTED = "formatted"


def kafka(place: Place) -> Server:
    """The broker, with its log in DATA_DIR/kafka; KAFKA_PORT and KAFKA_CONTROLLER_PORT move it."""
    port = place.port("KAFKA_PORT", 29092, "Kafka")
    controller = place.port("KAFKA_CONTROLLER_PORT", 29093, "Kafka's controller")
    folder = place.folder("kafka")
    address = f"{LOOPBACK}:{port}"
    runs = (java(place.env), *JVM, "-cp", f"{kafka_jars(place.env)}/*")
    properties = folder / "server.properties"
    command = Command(
        name="kafka",
        argv=(*runs, "kafka.Kafka", str(properties)),
        env=plain_env(place.env),
        cwd=folder,
    )
    return Server(
        command=command,
        prepare=lambda: _prepare(command, runs, _properties(folder, port, controller)),
        missing=_Probe(address, port),
        gives={"KAFKA_BOOTSTRAP_SERVERS": address},
    )


def _properties(folder: Path, port: int, controller: int) -> str:
    here = {
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "log.dirs": str(folder / "log"),
    }
    return "".join(f"{key}={value}\n" for key, value in (BROKER | here).items())


def _prepare(command: Command, runs: tuple[str, ...], properties: str) -> None:
    """Write the settings of this start, and format the log once.

    Until the mark is there Kafka has never run here, so an interrupted format may be repeated.
    """
    folder = command.cwd
    (folder / "server.properties").write_text(properties)
    if (folder / FORMATTED).exists():
        return
    cluster = cluster_id(uuid.uuid4())
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster)
    done = subprocess.run(
        (*runs, *tool, "-c", str(folder / "server.properties")),
        env=dict(command.env),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode != 0:
        raise ServerError(f"Kafka could not format {folder}: {done.stdout}{done.stderr}"[-2000:])
    (folder / FORMATTED).write_text(cluster + "\n")


def cluster_id(number: uuid.UUID) -> str:
    """The number as Kafka writes it, but no `-` first: its tools take that for an option."""
    text = urlsafe_b64encode(number.bytes).decode().rstrip("=")
    return text.replace("-", "A", 1) if text.startswith("-") else text


class _Probe:
    """Asks the broker for its metadata, by one client that is kept between the calls."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._admin: AdminClient | None = None

    def __call__(self) -> str | None:
        if not accepts(self._port):
            return f"Kafka does not take connections at {self._address} yet"
        if self._admin is None:
            self._admin = AdminClient(
                {"bootstrap.servers": self._address, "reconnect.backoff.max.ms": 200},
                logger=_silent(),
            )
        try:
            brokers = self._admin.list_topics(timeout=2).brokers
        except KafkaException as error:
            return f"Kafka does not answer at {self._address} yet: {error.args[0].str()}"
        return None if brokers else f"Kafka at {self._address} has not registered yet"


def _silent() -> logging.Logger:
    """Swallows what librdkafka says about a broker that is not there yet."""
    logger = logging.getLogger("local.kafka.probe")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger

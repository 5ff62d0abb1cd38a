"""Kafka in KRaft mode: broker and controller in one process."""

import logging
import uuid
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.environment import for_programs
from local.servers.ports import LOOPBACK, accepts_connections
from local.servers.server import Command, Context, Run, Server
from local.settings import OF_KAFKA
from local.toolchains.java import java
from local.toolchains.kafka_jars import kafka_jars

# A broker with a few dozen partitions needs little memory, and little of what it runs is worth
# optimizing: the second compiler took a third of its CPU time in the first minute.
JVM = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=96m",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
# One broker with few partitions of its own, which notices a lost group member within seconds.
# Members of classic groups choose their session timeout; for groups of KIP-848 the broker does.
BROKER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    # Ten years. A group whose offsets have expired would read every topic from its beginning.
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
FORMATTED, JARS, PROPERTIES = "formatted", "jars", "server.properties"


def kafka(context: Context) -> Server:
    """The broker, with its log in DATA_DIR/kafka. KAFKA_PORT, KAFKA_CONTROLLER_PORT set ports."""
    port = context.ports.claim("KAFKA_PORT", 29092, "Kafka")
    controller = context.ports.claim("KAFKA_CONTROLLER_PORT", 29093, "Kafka's controller")
    folder = context.folder("kafka")
    address = f"{LOOPBACK}:{port}"
    # Every path is relative to its folder: what users call theirs may mean something else in a list
    # of log folders, in a class path, in a file of properties, or in the JVM's idea of the locale.
    jvm = (java(context.env), *JVM, "-cp", f"{JARS}/*")
    command = Command(
        name="kafka",
        argv=(*jvm, "kafka.Kafka", PROPERTIES),
        env=for_programs(context.env) | {"LC_ALL": "C.UTF-8"},
        cwd=folder,
    )
    jars = kafka_jars(context.env)
    return Server(
        command=command,
        prepare=lambda run: _prepare(command, jars, _properties(port, controller), run),
        not_ready=_ReadinessCheck(address, port),
        # What the environment says of a login is for other brokers.
        settings={"KAFKA_BOOTSTRAP_SERVERS": address} | dict.fromkeys(OF_KAFKA, ""),
    )


def _properties(port: int, controller: int) -> str:
    here = {
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "log.dirs": "log",
    }
    return "".join(f"{key}={value}\n" for key, value in (BROKER | here).items())


def _prepare(command: Command, jars: Path, properties: str, run: Run) -> None:
    """Write the settings of this start, link to the program, and format the log once.

    Without the mark Kafka has never run here, so an interrupted format may be repeated.
    """
    folder = command.cwd
    (folder / PROPERTIES).write_text(properties)
    (folder / JARS).unlink(missing_ok=True)
    (folder / JARS).symlink_to(jars.absolute())
    if (folder / FORMATTED).exists():
        return
    cluster = cluster_id(uuid.uuid4())
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster)
    jvm = command.argv[: command.argv.index("kafka.Kafka")]
    argv = (*jvm, *tool, "-c", PROPERTIES)
    run(replace(command, name="kafka-format", argv=argv))
    (folder / FORMATTED).write_text(cluster + "\n")


def cluster_id(number: uuid.UUID) -> str:
    """The number as Kafka writes it, but without a leading `-`, which starts an option."""
    text = urlsafe_b64encode(number.bytes).decode().rstrip("=")
    return text.replace("-", "A", 1) if text.startswith("-") else text


class _ReadinessCheck:
    """Asks the broker for its metadata, always with the same client."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._admin: AdminClient | None = None

    def __call__(self) -> str | None:
        if not accepts_connections(self._port):
            return f"Kafka does not accept connections at {self._address} yet"
        if self._admin is None:
            self._admin = AdminClient(
                {"bootstrap.servers": self._address, "reconnect.backoff.max.ms": 200},
                logger=_silent_logger(),
            )
        try:
            brokers = self._admin.list_topics(timeout=2).brokers
        except KafkaException as error:
            return f"Kafka does not answer at {self._address} yet: {error.args[0].str()}"
        return None if brokers else f"Kafka at {self._address} has not registered yet"


def _silent_logger() -> logging.Logger:
    """Drops librdkafka's complaints about a broker that is still starting."""
    logger = logging.getLogger("local.kafka.readiness")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger

"""A Kafka that speaks SASL_SSL: the one of `local/`, with a second listener."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from drive_emulator.http.tls import issue
from local.run.processes import Children
from local.run.start import start, temporary_data_dir, wait_until_ready
from local.servers.kafka import PROPERTIES, kafka
from local.servers.server import Context, Run, Server
from local.settings import PORTS

USERNAME, PASSWORD = "fleet", "open-sesame-17"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class SecuredKafka:
    """`env` is what clients need; `plain` the address of a listener without TLS and login."""

    env: Mapping[str, str]
    plain: str

    def stranger_ca(self, folder: Path) -> Path:
        """The certificate of an authority that has signed nothing here."""
        path = folder / "stranger.pem"
        path.write_bytes(issue("stranger.test", datetime.now(UTC)).ca)
        return path


@contextmanager
def secured_kafka() -> Iterator[SecuredKafka]:
    """One broker. It knows one user, by every mechanism."""
    with temporary_data_dir() as folder, Children(folder / "logs") as children:
        context = Context(dict(os.environ) | dict.fromkeys(PORTS, "0"), folder)
        port = context.ports.free("Kafka by TLS")
        issued = issue("kafka.test", datetime.now(UTC))
        (folder / "ca.pem").write_bytes(issued.ca)
        (folder / "kafka" / "broker.pem").parent.mkdir()
        (folder / "kafka" / "broker.pem").write_bytes(issued.key + issued.certificate + issued.ca)
        server = _secured(kafka(context), port)
        wait_until_ready(start([server], children))
        plain = server.settings["KAFKA_BOOTSTRAP_SERVERS"]
        _make_user(plain)
        yield SecuredKafka(
            {
                "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_CA_FILE": str(folder / "ca.pem"),
                "KAFKA_USERNAME": USERNAME,
                "KAFKA_PASSWORD": PASSWORD,
            },
            plain,
        )


def _secured(server: Server, port: int) -> Server:
    def prepare(run: Run) -> None:
        server.prepare(run)
        file = server.command.cwd / PROPERTIES
        known = dict(line.split("=", 1) for line in file.read_text().splitlines())
        for name in ("listeners", "advertised.listeners"):
            known[name] += f",SASL_SSL://127.0.0.1:{port}"
        known["listener.security.protocol.map"] += ",SASL_SSL:SASL_SSL"
        file.write_text("".join(f"{k}={v}\n" for k, v in {**known, **_listener()}.items()))

    return replace(server, prepare=prepare)


def _listener() -> Mapping[str, str]:
    here = "listener.name.sasl_ssl."
    user = f'{_PLAIN} required user_{USERNAME}="{PASSWORD}";'
    return {
        f"{here}ssl.keystore.type": "PEM",
        f"{here}ssl.keystore.location": "broker.pem",
        f"{here}sasl.enabled.mechanisms": ",".join(MECHANISMS),
        f"{here}plain.sasl.jaas.config": user,
        f"{here}scram-sha-256.sasl.jaas.config": f"{_SCRAM} required;",
        f"{here}scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
    }


def _make_user(plain: str) -> None:
    admin = AdminClient({"bootstrap.servers": plain, "log_level": 2})
    # One request may not change the same user twice.
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        how = ScramCredentialInfo(mechanism, 4096)
        asked = UserScramCredentialUpsertion(USERNAME, how, PASSWORD.encode())
        for future in admin.alter_user_scram_credentials([asked]).values():
            future.result(60)

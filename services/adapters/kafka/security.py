"""How to reach the brokers: in the clear or by TLS, and with which login.

confluent-kafka and aiokafka are told the same: the certificate must be trusted, and be for the host
that was asked.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from services.core.settings import Reader, Secret

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
NO_PASSWORD = Secret("")


@dataclass(frozen=True, kw_only=True)
class KafkaSecurity:
    """`ca_file` holds the only CAs that are trusted; if it is empty, the system's are."""

    protocol: str = "PLAINTEXT"
    ca_file: str = ""
    mechanism: str = "PLAIN"
    username: str = ""
    password: Secret = NO_PASSWORD

    @classmethod
    def read(cls, reader: Reader) -> "KafkaSecurity":
        before = len(reader.faults)
        security = cls(
            protocol=_one_of(reader, "KAFKA_SECURITY_PROTOCOL", PROTOCOLS),
            ca_file=reader.certificates("KAFKA_CA_FILE"),
            mechanism=_one_of(reader, "KAFKA_SASL_MECHANISM", MECHANISMS),
            username=reader.text("KAFKA_USERNAME", ""),
            password=reader.secret("KAFKA_PASSWORD", ""),
        )
        if len(reader.faults) == before:  # else one fault would be told as two
            reader.faults.extend(security._contradictions())
        return security

    @property
    def encrypts(self) -> bool:
        return self.protocol.endswith("SSL")

    @property
    def logs_in(self) -> bool:
        return self.protocol.startswith("SASL")

    def librdkafka(self) -> Mapping[str, str]:
        """Its configuration. It looks for the system's CAs in places of its own, so that it is told
        those of Python."""
        config = {"security.protocol": self.protocol}
        trusted = self.ca_file or ssl.get_default_verify_paths().cafile
        if self.encrypts and trusted:
            config["ssl.ca.location"] = trusted
        if self.logs_in:
            config["sasl.mechanism"] = self.mechanism
            config["sasl.username"] = self.username
            config["sasl.password"] = self.password.reveal()
        return config

    def tls(self) -> ssl.SSLContext | None:
        """For clients in Python; None without TLS."""
        return ssl.create_default_context(cafile=self.ca_file or None) if self.encrypts else None

    def _contradictions(self) -> list[str]:
        given = {"KAFKA_USERNAME": self.username, "KAFKA_PASSWORD": self.password.reveal()}
        set_to = f"KAFKA_SECURITY_PROTOCOL={self.protocol}"
        if self.logs_in:
            faults = [f"{n} is not set. {set_to} requires it." for n, v in given.items() if not v]
        else:
            faults = [
                f"{name} is set, but {set_to} has no login. Use SASL_SSL."
                for name, value in given.items()
                if value
            ]
        if self.ca_file and not self.encrypts:
            faults.append(f"KAFKA_CA_FILE is set, but {set_to} has no TLS. Use SSL or SASL_SSL.")
        return faults


def _one_of(reader: Reader, name: str, known: tuple[str, ...]) -> str:
    """The first is the default."""
    value = reader.text(name, known[0])
    if value in known:
        return value
    reader.faults.append(f"{name} must be {', '.join(known[:-1])} or {known[-1]}.")
    return known[0]

"""How Kafka is reached: which settings go together, and what every client is told."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from drive_emulator.http.tls import issue
from services.adapters.kafka import errors, faust_app
from services.adapters.kafka.security import MECHANISMS, KafkaSecurity
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import SettingsError, read_settings

LOGIN = {"KAFKA_USERNAME": "fleet", "KAFKA_PASSWORD": "hush-hush"}


def read(env: dict[str, str]) -> KafkaSecurity:
    return read_settings(env, KafkaSettings.read).security


@pytest.mark.parametrize(
    ("env", "faults"),
    [
        (
            {"KAFKA_SECURITY_PROTOCOL": "TLS", **LOGIN},
            ["KAFKA_SECURITY_PROTOCOL must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."],
        ),
        (
            {"KAFKA_SASL_MECHANISM": "GSSAPI"},
            ["KAFKA_SASL_MECHANISM must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."],
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "fleet"},
            ["KAFKA_PASSWORD is not set. KAFKA_SECURITY_PROTOCOL=SASL_SSL requires it."],
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_PASSWORD": "hush-hush"},
            ["KAFKA_USERNAME is not set. KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT requires it."],
        ),
        (
            LOGIN,
            [
                "KAFKA_USERNAME is set, but KAFKA_SECURITY_PROTOCOL=PLAINTEXT has no login. "
                "Use SASL_SSL.",
                "KAFKA_PASSWORD is set, but KAFKA_SECURITY_PROTOCOL=PLAINTEXT has no login. "
                "Use SASL_SSL.",
            ],
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "/nowhere.pem"},
            ["KAFKA_CA_FILE names a file that cannot be read: No such file or directory."],
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": __file__},
            ["KAFKA_CA_FILE names a file without a certificate in PEM format."],
        ),
    ],
)
def test_what_does_not_go_together_is_a_sentence(env: dict[str, str], faults: list[str]) -> None:
    with pytest.raises(SettingsError) as raised:
        read(env)
    assert str(raised.value).split("\n") == faults


def test_a_ca_without_tls_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KAFKA_SECURITY_PROTOCOL=PLAINTEXT has no TLS"):
        read({"KAFKA_CA_FILE": str(_ca(tmp_path))})


def test_without_settings_nothing_is_encrypted_and_nobody_logs_in() -> None:
    security = read({})
    assert security.librdkafka() == {"security.protocol": "PLAINTEXT"}
    assert security.tls() is None
    assert faust_app._credentials(security) is None


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_both_clients_are_told_the_same(tmp_path: Path, mechanism: str) -> None:
    env = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": mechanism,
        "KAFKA_CA_FILE": str(_ca(tmp_path)),
    }
    security = read(env | LOGIN)
    assert security.librdkafka() == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": env["KAFKA_CA_FILE"],
        "sasl.mechanism": mechanism,
        "sasl.username": "fleet",
        "sasl.password": "hush-hush",
    }
    told = faust_app._credentials(security)
    assert (told.protocol.value, told.mechanism.value) == ("SASL_SSL", mechanism)
    assert (told.username, told.password) == ("fleet", "hush-hush")
    assert told.ssl_context.check_hostname
    assert told.ssl_context.verify_mode is ssl.CERT_REQUIRED
    assert len(told.ssl_context.get_ca_certs()) == 1, "the system's are trusted, too"


def test_no_repr_shows_the_password() -> None:
    security = read({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", **LOGIN})
    assert "hush" not in repr(security)
    assert "hush" not in repr(faust_app._credentials(security))


@pytest.mark.parametrize(
    ("code", "said", "setting"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed", "KAFKA_USERNAME"),
        (KafkaError._AUTHENTICATION, "Authentication failed: Invalid", "KAFKA_PASSWORD"),
        (KafkaError._AUTHENTICATION, "mechanism handshake failed", "KAFKA_SASL_MECHANISM"),
        (KafkaError._SSL, "certificate verify failed", "KAFKA_CA_FILE"),
    ],
)
def test_a_refusal_names_the_setting(code: int, said: str, setting: str) -> None:
    assert setting in errors.sentence(KafkaError(code, said))


def test_another_error_names_none() -> None:
    refused = KafkaError(KafkaError._TRANSPORT, "Connect to 127.0.0.1:9 failed: refused")
    assert errors.of_settings(refused) is None
    assert errors.sentence(refused) == "Connect to 127.0.0.1:9 failed: refused (_TRANSPORT)"


def _ca(folder: Path) -> Path:
    path = folder / "ca.pem"
    path.write_bytes(issue("kafka.test", datetime.now(UTC)).ca)
    return path


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ([KafkaError._AUTHENTICATION, KafkaError._ALL_BROKERS_DOWN], "it refused the login"),
        ([KafkaError._ALL_BROKERS_DOWN], "it ends each connection before it answers"),
        ([KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN], "words of librdkafka [(]_TRANS"),
        ([KafkaError._RESOLVE, KafkaError._TRANSPORT], "its host name is not known"),
        ([], "it did not answer in time"),
    ],
)
def test_a_question_that_fails_is_explained_by_what_the_handle_reports(
    reported: list[int], said: str
) -> None:
    passed_on: list[int] = []
    refusals = errors.Refusals(lambda error: passed_on.append(error.code()))

    def report() -> None:
        for code in reported:
            refusals(KafkaError(code, "words of librdkafka (after 17ms in state CONNECT)"))

    why = KafkaException(KafkaError(KafkaError._TRANSPORT, "Failed to get metadata"))
    with (
        pytest.raises(errors.KafkaUnavailableError, match=f"^{said}"),
        refusals.explained(report),
    ):
        raise why
    assert passed_on == reported
    with (
        pytest.raises(errors.KafkaUnavailableError, match="it did not answer in time"),
        refusals.explained(lambda: None),
    ):
        raise why


@pytest.mark.parametrize(
    "words",
    [
        "Send failed: error:80000020:system library::Broken pipe: tls_retry_write_records failure",
        "Receive failed: Connection reset by peer (after 3ms in state APIVERSION_QUERY)",
    ],
)
def test_a_broker_that_hangs_up_while_something_is_sent_does_so_too(words: str) -> None:
    refusals = errors.Refusals()
    broken = KafkaError(KafkaError._TRANSPORT, words)
    with (
        pytest.raises(errors.KafkaUnavailableError, match="it ends each connection before"),
        refusals.explained(lambda: refusals(broken)),
    ):
        raise KafkaException(KafkaError(KafkaError._TRANSPORT, "Failed to get metadata"))


def test_a_question_that_the_broker_refuses_is_told_with_its_own_error() -> None:
    refused = KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "no"))
    with (
        pytest.raises(errors.KafkaUnavailableError, match="no rights to this cluster"),
        errors.Refusals().explained(lambda: None),
    ):
        raise refused

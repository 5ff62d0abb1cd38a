"""Kafka with TLS and a login: everything that speaks to it does so, and says what is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.paths import CHECKOUT
from services.adapters.kafka import reader
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import read_settings
from services.core.topics import ALL, STATS_WINDOWS
from tests.platform import Platform, emptied
from tests.secured_kafka import PASSWORD, SecuredKafka, secured_kafka
from tests.system import INHERITED, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(500)]
SERVICES = ("api", "lister", "transfer", "indexer", "monitor")
TREE = {"name": "secured", "pictures": 12, "size": 8_000}
LOGIN = ("KAFKA_USERNAME", "KAFKA_PASSWORD")


@pytest.fixture(scope="module")
def kafka() -> Iterator[SecuredKafka]:
    with secured_kafka() as kafka:
        yield kafka


@pytest.fixture(scope="module")
def platform(servers: Mapping[str, str], kafka: SecuredKafka) -> Iterator[Platform]:
    """By SCRAM; `test_a_login_works_by_each_mechanism` has the others."""
    env = {**servers, **kafka.env, "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}
    with emptied(env) as platform:
        yield platform


def command(platform: Platform, *argv: str) -> tuple[int, str]:
    """`drivestream` on these servers: its exit code, and all that it says."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "local", *argv],
        env={**inherited, "DATA_DIR": "/nonexistent", **platform.env},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stdout + done.stderr


def findings(said: str) -> dict[str, Any]:
    """Of the doctor, by its checks. Beside its report it says what it is about to do."""
    report = json.loads(said.splitlines()[0])
    return {f["check"]: f for section in report["sections"] for f in section["findings"]}


def test_an_import_runs_by_tls_with_a_login(platform: Platform, tmp_path: Path) -> None:
    assert command(platform, "setup")[0] == 0
    with running_system(platform, tmp_path) as system:
        folder = system.drive.add_tree(TREE, render=True)
        system.start(*SERVICES)
        system.wait_ready()
        job = system.post_import(link(folder))
        row = system.wait_import(job, 120)
        assert (row["state"], row["stored"]) == ("completed", 12)

        def counted() -> bool:
            rates = system.get("/system")["rates"]
            return rates["as_of"] is not None and bool(system.records(STATS_WINDOWS.name))

        system.until(counted, 120, "the monitor has published nothing")
        for name in SERVICES:
            assert PASSWORD not in system.log(name)
            assert system.terminate(name) == 0

    code, said = command(platform, "rewind", "transfer", "--to", "earliest", "--execute", "--json")
    moves = json.loads(said.splitlines()[0])["moves"]
    assert (code, sum(move["repeats"] for move in moves)) == (0, 12)
    assert command(platform, "verify")[0] == 0
    assert command(platform, "rebuild-index")[0] == 0
    code, said = command(platform, "doctor", "--json")
    seen = findings(said)
    assert (seen["Kafka"]["seen"], seen["Topics"]["state"]) == ("answers", "ok")
    assert PASSWORD not in said


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_login_works_by_each_mechanism(platform: Platform, mechanism: str) -> None:
    settings = read_settings(
        {**platform.env, "KAFKA_SASL_MECHANISM": mechanism}, KafkaSettings.read
    )
    assert len(Topics(settings).existing()) == len(ALL)


@pytest.mark.parametrize(
    ("changed", "cure"),
    [
        ({"KAFKA_PASSWORD": "of-someone-else"}, "check KAFKA_USERNAME, KAFKA_PASSWORD"),
        ({"KAFKA_CA_FILE": "stranger"}, "check KAFKA_CA_FILE"),
        ({"KAFKA_CA_FILE": ""}, "check KAFKA_CA_FILE"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "plain"}, "does not speak TLS there"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_CA_FILE": ""},
            "check whether KAFKA_SECURITY_PROTOCOL",
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", **dict.fromkeys(LOGIN, "")},
            "check whether KAFKA_SECURITY_PROTOCOL",
        ),
        (
            {
                "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "KAFKA_CA_FILE": "",
                "KAFKA_BOOTSTRAP_SERVERS": "plain",
            },
            "check KAFKA_SASL_MECHANISM",
        ),
    ],
)
def test_what_the_broker_refuses_is_said_with_the_setting(
    kafka: SecuredKafka,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: Mapping[str, str],
    cure: str,
) -> None:
    monkeypatch.setattr(reader, "READ_TIMEOUT", 2.0)
    known = {"stranger": str(kafka.stranger_ca(tmp_path)), "plain": kafka.plain}
    env = {**kafka.env, **{name: known.get(value, value) for name, value in changed.items()}}
    settings = read_settings(env, KafkaSettings.read)
    with pytest.raises(KafkaUnavailableError) as by_admin:
        Topics(settings).existing(timeout=2.0)
    log = reader.LogReader(settings, client_id="test")
    with pytest.raises(KafkaUnavailableError) as by_reader:
        log.partitions("imports.requested")
    log.close()
    for why in (by_admin, by_reader):
        assert cure in str(why.value)
        assert "of-someone-else" not in str(why.value)


def test_the_doctor_names_the_setting(platform: Platform) -> None:
    refused = Platform({**platform.env, "KAFKA_PASSWORD": "of-someone-else"})
    code, said = command(refused, "doctor", "--json")
    seen = findings(said)
    assert code == 1
    assert "refused the login" in seen["Kafka"]["seen"]
    assert "KAFKA_PASSWORD" in seen["Kafka"]["todo"]
    assert "of-someone-else" not in said

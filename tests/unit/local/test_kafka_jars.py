"""Where Kafka's jars come from when there is no Maven."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from local.toolchains import kafka_jars


@pytest.mark.parametrize(
    ("env", "trusted"),
    [
        ({}, None),
        ({"SSL_CERT_FILE": "/company.pem"}, "/company.pem"),
        ({"REQUESTS_CA_BUNDLE": "/own.pem"}, "/own.pem"),
        ({"SSL_CERT_FILE": "/company.pem", "REQUESTS_CA_BUNDLE": "/own.pem"}, "/own.pem"),
    ],
)
def test_jgo_trusts_whom_all_others_trust(
    env: Mapping[str, str],
    trusted: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Mapping[str, str]] = []

    def run(_doing: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        assert str(cwd) in argv
        (cwd / "repository").mkdir()
        (cwd / "one.jar").touch()
        started.append(env)

    monkeypatch.setattr(kafka_jars, "run", run)
    monkeypatch.setattr(kafka_jars, "wheels", lambda _name, _env: tmp_path)
    monkeypatch.setattr(kafka_jars, "maven", lambda _env: None)
    monkeypatch.setattr(kafka_jars, "check", lambda _folder, _checksums: None)
    folder = kafka_jars.kafka_jars({**env, "XDG_CACHE_HOME": str(tmp_path)})
    assert [each.get("REQUESTS_CA_BUNDLE") for each in started] == [trusted]
    assert [each.name for each in folder.iterdir()] == ["one.jar"]

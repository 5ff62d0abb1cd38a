"""Faust is told everything by us."""

from pathlib import Path

import pytest

from services.adapters.kafka.faust_app import FaustApp
from services.adapters.kafka.settings import KafkaSettings


def test_the_environment_changes_nothing_of_faust(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"WEB_PORT": "0", "BROKER_URL": "kafka://elsewhere:1"}.items():
        monkeypatch.setenv(name, value)
    app = FaustApp(
        settings=KafkaSettings(bootstrap_servers="here:1, there:2", topic_prefix="our."),
        group="monitor",
        topics=("files.found",),
        changelog="monitor.windows",
        restored=lambda _values: None,
        record=lambda _raw: None,
    )
    conf = app._made(str(tmp_path)).conf
    assert [str(url) for url in conf.broker_consumer] == ["kafka://here:1", "kafka://there:2"]
    assert (conf.id, conf.web_enabled, conf.store.scheme) == ("our.monitor", False, "memory")

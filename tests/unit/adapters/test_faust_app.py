"""Faust is told everything by us."""

import tempfile
from pathlib import Path

import pytest

from services.adapters.kafka.faust_app import FaustApp
from services.adapters.kafka.settings import KafkaSettings
from services.core.errors import Stop


def an_app() -> FaustApp:
    return FaustApp(
        settings=KafkaSettings(bootstrap_servers="here:1, there:2", topic_prefix="our."),
        group="monitor",
        topics=("files.found",),
        changelog="monitor.windows",
        restored=lambda _values: None,
        record=lambda _raw: None,
    )


def test_the_environment_changes_nothing_of_faust(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"WEB_PORT": "0", "BROKER_URL": "kafka://elsewhere:1"}.items():
        monkeypatch.setenv(name, value)
    conf = an_app()._made(str(tmp_path)).conf
    assert [str(url) for url in conf.broker_consumer] == ["kafka://here:1", "kafka://there:2"]
    assert (conf.id, conf.web_enabled, conf.store.scheme) == ("our.monitor", False, "memory")


async def test_without_a_directory_for_temporary_files_it_says_what_to_mount(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a read-only disk without a /tmp of its own."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(Stop, match=r"\(No such file or directory\)\. Mount a writable /tmp"):
        async with an_app().running():
            raise AssertionError("it runs")

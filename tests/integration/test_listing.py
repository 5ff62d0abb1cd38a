"""A lister killed in the middle, on a real Kafka: nothing is lost, and little is repeated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.listing import measure
from services.adapters.kafka.settings import KafkaSettings
from tests.platform import Platform
from tests.system import running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
IN_HAND = 16
"""Pages under way in one lister: what a kill certainly repeats, at most."""
UNCOMMITTED = 80
"""Pages done and not committed, at most: the commits are a fraction of a second apart, on a machine
that stands still a second. Without commits, some 140 pages would be repeated."""


@pytest.mark.parametrize(
    ("spec", "requests", "delay_ms"),
    [
        # One chain: 22 pages, and 22 of 997 entries that confirm them.
        pytest.param(
            {"name": "flat", "pictures": 21_500, "size": 20_480},
            22 + 22,
            100,
            marks=pytest.mark.long,
        ),
        # Side by side: 1 + 20 + 400 folders, one page each.
        ({"name": "tree", "pictures": 4210, "size": 20_480, "depth": 2, "fan_out": 20}, 421, 200),
    ],
    ids=["a chain", "a tree"],
)
def test_a_lister_killed_in_the_middle_lists_everything_and_repeats_little(
    platform: Platform,
    kafka_settings: KafkaSettings,
    tmp_path: Path,
    spec: Mapping[str, Any],
    requests: int,
    delay_ms: int,
) -> None:
    # So slow that seconds are left when a busy machine notices that it is time for the kill.
    slow = ("--delay", f"list={delay_ms}")
    with running_system(platform, tmp_path / "logs", None, slow) as system:
        result = measure(system, kafka_settings, spec, kill_at=requests // 3)
    assert (result["files"], result["folders_failed"]) == (spec["pictures"], [])
    killed = result["killed_at"]
    assert killed is not None, "the kill came too late"
    assert killed["lists"] < requests
    repeated = result["list_requests"] - requests
    most = 4 if spec["name"] == "flat" else IN_HAND + UNCOMMITTED
    assert 0 <= repeated <= most, f"{repeated} of {requests} pages were listed twice"

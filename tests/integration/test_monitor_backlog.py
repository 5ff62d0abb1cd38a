"""The monitor behind a backlog: it counts all of it, and holds a bounded part of it."""

import asyncio
from pathlib import Path

import pytest

from bench.memory import publish
from bench.processes import peak_mb
from services.core import events as e
from services.core.topics import STATS_WINDOWS
from services.core.wire import decode
from tests.platform import Platform
from tests.system import System, running_system

EVENTS, MOST_MB, LIMIT = 300_000, 170.0, 300.0
"""All of it at once would be 250 MB."""
pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(480)]


def test_a_backlog_is_counted_whole_within_bounded_memory(
    platform: Platform, tmp_path: Path
) -> None:
    asyncio.run(publish(platform, EVENTS))
    with running_system(platform, tmp_path) as system:
        system.start("monitor")
        pid = system.processes["monitor"].pid
        system.until(lambda: found(system) == EVENTS, LIMIT, lambda: f"{found(system)} counted")
        assert 0 < (peak_mb(pid) or 0.0) < MOST_MB


def found(system: System) -> int:
    """Files found, by the newest counts of all minutes."""
    minutes = {}
    for record in system.records(STATS_WINDOWS.name):
        event = decode(record.topic, record.value)
        if isinstance(event, e.WindowCounted) and event.import_id is None and event.seconds == 60:
            minutes[event.start] = event.found
    return sum(minutes.values())

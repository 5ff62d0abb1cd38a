"""Whatever a service's process says is a line of its log, with its service."""

import json
import subprocess
import sys

import pytest

from local.paths import CHECKOUT

pytestmark = pytest.mark.real
SAYS = """
import asyncio, logging, threading, warnings
import structlog
from services.adapters.process import run_service

async def serve(_settings, _stop):
    structlog.get_logger("ours").info("ours.said")
    logging.getLogger("botocore").warning("a library said")
    warnings.warn("a library warned\\nin two lines")
    failed = threading.Thread(target=lambda: 1 / 0, name="theirs")
    failed.start()
    failed.join()
    forgotten = asyncio.get_running_loop().create_future()
    forgotten.set_exception(LookupError("nobody awaited it"))
    del forgotten
    raise RuntimeError("the end")

raise SystemExit(run_service("transfer", {}, lambda reader: None, serve))
"""


def test_all_that_a_process_says_is_a_line_with_its_service() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS], cwd=CHECKOUT, capture_output=True, text=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["service"] for line in lines} == {"transfer"}
    said = " ".join(line["event"] for line in lines)
    for part in ("ours.said", "a library said", "a library warned", "process.thread_failed"):
        assert part in said
    assert "process.failed" in said
    exceptions = " ".join(line.get("exception", "") for line in lines)
    for error in ("ZeroDivisionError", "nobody awaited it", "the end"):
        assert error in exceptions


def test_wrong_settings_are_lines_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.transfer"],
        cwd=CHECKOUT,
        env={"PATH": "", "S3_ENDPOINT_URL": "nonsense", "TRANSFER_MEMORY_MB": "much"},
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 2
    assert {(line["service"], line["event"]) for line in lines} == {
        ("transfer", "settings.refused")
    }
    assert len(lines) >= 2

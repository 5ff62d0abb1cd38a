"""Services that are started before their servers wait, say for what, and go on when they come."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.run.start import running_servers, temporary_data_dir
from tests.platform import Platform
from tests.system import free_port, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(400)]
SERVICES = ("api", "lister", "transfer", "indexer")
KINDS = ("kafka", "minio", "postgres")
PORTS = {"KAFKA_PORT": "kafka", "MINIO_PORT": "minio", "POSTGRES_PORT": "postgres"}


def test_services_started_first_wait_and_then_work(tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in PORTS}
    with temporary_data_dir() as folder:
        # Once for the settings that the servers will have, and to make their data.
        with running_servers(folder, KINDS, {**os.environ, **ports}) as known:
            settings = {**known, "S3_BUCKET": "late", "AWS_REGION": "us-east-1"}
        with running_system(Platform(settings), tmp_path / "logs") as system:
            system.start(*SERVICES)
            system.until(
                lambda: all(_waits(system.log(name)) for name in SERVICES),
                90,
                "a service does not say what it waits for",
            )
            time.sleep(3)
            assert all(process.running for process in system.processes.values())
            with running_servers(folder, KINDS, {**os.environ, **ports}):
                _set_up(settings)
                system.wait_ready()
                tree = system.drive.add_tree({"name": "late", "pictures": 30}, render=True)
                row = system.wait_import(system.post_import(link(tree)), 120)
                assert (row["state"], row["stored"]) == ("completed", 30)
                for name in SERVICES:
                    assert system.terminate(name) == 0


def _waits(log: str) -> bool:
    return "aiting for" in log or "waiting" in log


def _set_up(settings: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.setup"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr

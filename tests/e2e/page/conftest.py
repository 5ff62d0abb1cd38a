"""A running system for each file of tests, and the page of it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.run.start import start, wait_until_ready
from local.servers.server import Context, Server
from local.servers.web import web
from tests.platform import emptied
from tests.system import System, running_system


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    """One system for all tests, with few transfers at once: an import can be paused in time."""
    settings = {"S3_PUBLIC_READ": "false", "TRANSFER_CONCURRENCY": "4"}
    with (
        TemporaryDirectory(prefix="drivestream-page-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), settings) as system,
    ):
        system.start("api", "lister", "transfer", "indexer", "monitor")
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def page(system: System) -> Iterator[Server]:
    """The page of that system."""
    with TemporaryDirectory(prefix="drivestream-page-") as folder:
        env = {**os.environ, "WEB_PORT": "0"}
        page = web(Context(env=env, data_dir=Path(folder)), system.api_url)
        wait_until_ready(start([page], system.children))
        yield page

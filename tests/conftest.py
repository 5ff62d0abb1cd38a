"""Where the real servers are: the environment first, else Docker, else `local/`."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from services.core.settings import KafkaSettings, Reader, StoreSettings
from tests.containers import container_servers, docker_answers
from tests.platform import Platform, emptied

# How long an example takes says more about the machine than about the code.
hypothesis.register_profile(
    "drivestream", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.load_profile("drivestream")
NEEDED = {
    "kafka": ("KAFKA_BOOTSTRAP_SERVERS",),
    "minio": ("S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "postgres": ("DATABASE_URL",),
}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop is what the services run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def servers() -> Iterator[Mapping[str, str]]:
    """Settings of a real Kafka, an object store and PostgreSQL, started once a session.

    Not in pytest's own folder: it is closed to other accounts, and PostgreSQL, started by root,
    runs as another."""
    given = {n: os.environ[n] for names in NEEDED.values() for n in names if n in os.environ}
    missing = [kind for kind, names in NEEDED.items() if not all(n in given for n in names)]
    with ExitStack() as stack:
        started: Mapping[str, str] = {}
        if missing and docker_answers():
            started = stack.enter_context(container_servers(missing))
        elif missing:
            from local.servers import running_servers

            folder = stack.enter_context(TemporaryDirectory(prefix="drivestream-tests-"))
            started = stack.enter_context(running_servers(Path(folder), missing))
        yield {**started, **given}


@pytest.fixture
def platform(servers: Mapping[str, str]) -> Iterator[Platform]:
    """Empty topics, an empty bucket and an empty database, set up by `services.setup`."""
    with emptied(servers) as platform:
        yield platform


@pytest.fixture
def kafka_settings(platform: Platform) -> KafkaSettings:
    """A broker with all topics, empty."""
    return KafkaSettings.read(Reader(platform.env))


@pytest.fixture
def store_settings(platform: Platform) -> StoreSettings:
    """A store with an empty bucket."""
    return StoreSettings.read(Reader(platform.env))


@pytest.fixture
def database_url(platform: Platform) -> str:
    """An empty database with all tables."""
    return platform.env["DATABASE_URL"]

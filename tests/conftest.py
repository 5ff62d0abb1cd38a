"""Where the real servers are: the environment first, else Docker, else `local/`."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import pytest
import structlog
from docker.errors import DockerException
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from local.run.start import running_servers, temporary_data_dir
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.store.settings import StoreSettings
from services.core.settings import Reader
from tests.containers import container_servers, docker_answers
from tests.platform import Platform, emptied
from tests.seaweedfs import seaweedfs

# How long an example takes says more about the machine than about the code.
hypothesis.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: a change is to be judged by itself. New ones are drawn by
# `pytest tests/unit --hypothesis-profile explore`.
hypothesis.register_profile("same", hypothesis.get_profile("explore"), derandomize=True)
hypothesis.load_profile("same")
# Rich's tracebacks show all variables: seconds of work for each, while a test's clock runs.
plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[structlog.processors.add_log_level, plain])
LONGEST = (
    # Of the long tests.
    "test_alerts_fire",
    "test_deaths",
    "test_quota",
    "test_outages",
    "test_killed_out_of_turn",
    "test_rolling_restart",
    # Of the others. Browsers compute, and most of the rest waits: so these come by turns.
    "local/test_lifecycle",
    "page/test_gallery",
    "test_control",
    "page/test_imports",
    "test_recovery",
    "test_topics_lost",
    "page/test_replays",
    "test_rebuild",
    "api/test_process",
    "local/test_commands",
    "test_monitor",
    "page/test_killed",
    "test_replay",
    "integration/test_system",
    "e2e/test_import_folder",
    "test_listing",
    "test_crash",
    "test_journey",
    "contract/test_event_log",
    "test_rebalance",
    "test_rewind",
    "test_tracing",
    "test_webhooks",
    "test_turns",
    "test_retry",
    "test_late_servers",
)
"""From the longest file on; the others take about half a minute, or less."""
NEEDED = {
    "kafka": ("KAFKA_BOOTSTRAP_SERVERS",),
    "minio": ("S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "postgres": ("DATABASE_URL",),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: _rank(str(item.path)))


def _rank(path: str) -> int:
    found = (number for number, name in enumerate(LONGEST) if name in path)
    return next(found, len(LONGEST))


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """A command that ran in this process has set what a signal does. The next test's processes
    would inherit a signal that is ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A service that ran in this process has set where its logs go: to the output of one test."""
    config, hook = structlog.get_config(), threading.excepthook
    yield
    threading.excepthook = hook
    logging.captureWarnings(False)
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop is what the services run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def servers() -> Iterator[Mapping[str, str]]:
    """Settings of a real Kafka, an object store and PostgreSQL, started once a session."""
    given = {n: os.environ[n] for names in NEEDED.values() for n in names if n in os.environ}
    missing = [kind for kind, names in NEEDED.items() if not all(n in given for n in names)]
    with ExitStack() as stack:
        started: Mapping[str, str] = {}
        if missing:
            started = _in_containers(missing, stack) or _on_this_machine(missing, stack)
        yield {**started, **given}


@pytest.fixture(scope="session")
def second_store() -> Iterator[Mapping[str, str]]:
    """Settings of SeaweedFS: an S3 server by other people."""
    with seaweedfs() as settings:
        yield settings


def _in_containers(kinds: Sequence[str], stack: ExitStack) -> Mapping[str, str] | None:
    """None where no engine answers, or where it cannot get the images."""
    if not docker_answers():
        return None
    with ExitStack() as attempt:
        try:
            started = attempt.enter_context(container_servers(kinds))
        except DockerException as why:
            sys.stderr.write(f"Docker answers, but starts no container, so without it: {why}\n")
            return None
        stack.push(attempt.pop_all())
        return started


def _on_this_machine(kinds: Sequence[str], stack: ExitStack) -> Mapping[str, str]:
    folder = stack.enter_context(temporary_data_dir())
    return stack.enter_context(running_servers(folder, kinds))


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

"""What Prometheus reads from a worker."""

import socket
import sys
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.core.errors import Stop
from services.core.events import WorkerStatus
from services.core.flow.quota import QuotaState
from services.core.settings import Reader, SettingsError, read_settings
from tests.fakes.samples import NOW

HERE = "127.0.0.1"
STATUS = WorkerStatus(
    worker_id="w",
    service="transfer",
    state="waiting",
    at=NOW,
    in_flight=7,
    concurrency=32,
    oldest_unfinished_seconds=1.5,
)
QUOTA = QuotaState(share=0.22, limit=71_500, allowed=50_050, used=1200, refused=3, waiting=9)

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def settings() -> MetricsSettings:
    """A port that was free a moment ago."""
    with socket.create_server((HERE, 0)) as server:
        return MetricsSettings(host=HERE, port=server.getsockname()[1])


def scraped(port: int | None, prefix: str = "drivestream_") -> dict[str, tuple[str, float]]:
    """Type and value of each figure whose name begins so."""
    with urlopen(f"http://{HERE}:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    found = {s.name: (f.type, s.value) for f in families for s in f.samples}
    return {name: each for name, each in found.items() if name.startswith(prefix)}


def test_every_figure_is_there_with_its_value(settings: MetricsSettings) -> None:
    with metrics_endpoint(settings, WorkerMetrics(lambda: STATUS, lambda: QUOTA)) as port:
        assert scraped(port) == {
            "drivestream_worker_waiting": ("gauge", 1.0),
            "drivestream_worker_in_flight": ("gauge", 7.0),
            "drivestream_worker_concurrency": ("gauge", 32.0),
            "drivestream_worker_oldest_unfinished_seconds": ("gauge", 1.5),
            "drivestream_quota_share_ratio": ("gauge", 0.22),
            "drivestream_quota_limit_units_per_minute": ("gauge", 71_500.0),
            "drivestream_quota_allowed_units_per_minute": ("gauge", 50_050.0),
            "drivestream_quota_used_units_per_minute": ("gauge", 1200.0),
            "drivestream_quota_waiting_requests": ("gauge", 9.0),
            "drivestream_quota_refused_total": ("counter", 3.0),
            "drivestream_build_info": ("gauge", 1.0),
        }


def test_figures_are_those_of_the_moment_when_they_are_scraped(settings: MetricsSettings) -> None:
    status = STATUS
    with metrics_endpoint(settings, WorkerMetrics(lambda: status)) as port:
        assert scraped(port)["drivestream_worker_in_flight"][1] == 7
        status = replace(STATUS, in_flight=8, state="running")
        assert scraped(port)["drivestream_worker_in_flight"][1] == 8
        assert scraped(port)["drivestream_worker_waiting"][1] == 0


def test_a_worker_without_a_limit_has_no_figures_of_one(settings: MetricsSettings) -> None:
    free = QuotaState(share=0.22, limit=None, allowed=None, used=0, refused=0, waiting=0)
    with metrics_endpoint(settings, WorkerMetrics(lambda: STATUS, lambda: free)) as port:
        names = set(scraped(port))
    assert not any("limit" in name or "allowed" in name for name in names)
    assert "drivestream_quota_used_units_per_minute" in names


@pytest.mark.skipif(sys.platform != "linux", reason="they come from /proc")
def test_the_process_says_when_it_began(settings: MetricsSettings) -> None:
    with metrics_endpoint(settings) as port:
        found = scraped(port, "process_")
    assert {"process_start_time_seconds", "process_resident_memory_bytes"} <= found.keys()
    assert 0 < time.time() - found["process_start_time_seconds"][1] < 3600


def test_the_port_is_free_again_after_the_end(settings: MetricsSettings) -> None:
    for _ in range(2):
        with metrics_endpoint(settings, WorkerMetrics(lambda: STATUS)) as port:
            assert scraped(port)


def test_a_port_that_is_taken_stops_the_process_in_words(settings: MetricsSettings) -> None:
    metrics = WorkerMetrics(lambda: STATUS)
    with (
        socket.create_server((HERE, settings.port)),
        pytest.raises(Stop) as caught,
        metrics_endpoint(settings, metrics),
    ):
        pytest.fail("it listens")
    assert caught.value.reason == "cannot_listen"
    assert (
        f"METRICS_PORT cannot be used: listening on {HERE}, port {settings.port}"
        in caught.value.message
    )


def test_without_a_port_there_is_no_endpoint() -> None:
    settings = read_settings({}, MetricsSettings.read)
    with metrics_endpoint(settings, WorkerMetrics(lambda: STATUS)) as port:
        assert port is None


def test_settings_name_host_and_port() -> None:
    reader = Reader({"METRICS_HOST": "0.0.0.0", "METRICS_PORT": "9100"})
    assert MetricsSettings.read(reader) == MetricsSettings(host="0.0.0.0", port=9100)
    with pytest.raises(SettingsError, match="METRICS_PORT"):
        read_settings({"METRICS_PORT": "70000"}, MetricsSettings.read)


def test_the_endpoint_says_whether_the_process_is_healthy(settings: MetricsSettings) -> None:
    trouble = [""]
    with metrics_endpoint(settings, trouble=lambda: trouble[0]) as port:
        address = f"http://{HERE}:{port}/health/live"
        with urlopen(address, timeout=60) as answer:
            assert answer.read() == b"alive\n"
        trouble[0] = "It stands still."
        with pytest.raises(HTTPError) as caught:
            urlopen(address, timeout=60)
        with caught.value as refused:
            assert (refused.code, refused.read()) == (503, b"It stands still.\n")
        assert set(scraped(port)) == {"drivestream_build_info"}

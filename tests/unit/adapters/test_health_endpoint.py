"""What a container's health check hears of a worker."""

import asyncio
import socket
import threading

import pytest
from msgspec.structs import replace

from services import healthy
from services.adapters.health_endpoint import Health
from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.core.events import Waiting, WorkerStatus
from tests.fakes.samples import NOW

RUNS = WorkerStatus(worker_id="w", service="transfer", state="running", at=NOW)
NO_BUCKET = Waiting(reason="no_bucket", message="There is no bucket.")


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def waits(waiting: Waiting) -> WorkerStatus:
    return replace(RUNS, state="waiting", waiting_for=waiting)


async def asked(health: Health) -> tuple[str, str]:
    return await asyncio.to_thread(health.live), await asyncio.to_thread(health.ready)


async def test_a_worker_that_works_is_alive_and_ready() -> None:
    loop = asyncio.get_running_loop()
    assert await asked(Health(loop=loop, look=lambda: RUNS)) == ("", "")


async def test_one_that_waits_is_alive_and_says_what_for() -> None:
    health = Health(loop=asyncio.get_running_loop(), look=lambda: waits(NO_BUCKET))
    assert await asked(health) == ("", "There is no bucket.")


async def test_one_on_standby_is_ready() -> None:
    standby = Waiting(reason="standby", message="Another indexer is active.")
    health = Health(loop=asyncio.get_running_loop(), look=lambda: waits(standby))
    assert await asked(health) == ("", "")


async def test_what_is_in_trouble_is_neither() -> None:
    health = Health(loop=asyncio.get_running_loop(), trouble=lambda: "It stands still.")
    assert await asked(health) == ("It stands still.", "It stands still.")


async def test_a_loop_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.adapters.health_endpoint.LOOP_SECONDS", 0.05)
    health, said = Health(loop=asyncio.get_running_loop(), look=lambda: RUNS), list[str]()
    asking = threading.Thread(target=lambda: said.append(health.live()))
    asking.start()
    asking.join()  # on the loop, which hangs meanwhile
    assert said == ["The event loop has not answered for 0 seconds."]
    monkeypatch.setattr("services.adapters.health_endpoint.LOOP_SECONDS", 60)
    assert await asked(health) == ("", "")


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(RUNS, 0, "ready\n"), (waits(NO_BUCKET), 1, "There is no bucket.\n")],
)
async def test_the_check_of_a_container_ends_with_the_answer(
    status: WorkerStatus, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    with metrics_endpoint(
        MetricsSettings(host="127.0.0.1", port=port), WorkerMetrics(lambda: status)
    ):
        assert await asyncio.to_thread(healthy.main, [str(port)]) == code
    assert capsys.readouterr().out == said


@pytest.mark.usefixtures("socket_enabled")
def test_the_check_says_that_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    port = str(free_port())
    assert healthy.main([port]) == 1
    assert capsys.readouterr().out.startswith(f"No answer at port {port} (")

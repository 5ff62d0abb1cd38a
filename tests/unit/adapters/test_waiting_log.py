"""What a worker that waits says of it."""

from datetime import timedelta

from structlog.testing import capture_logs

from services.adapters.process import WaitingLog
from services.core.events import Waiting, WorkerStatus
from tests.fakes.samples import NOW


def test_it_says_so_again_every_minute_with_until_when_and_when_it_goes_on() -> None:
    now, waiting = 0.0, None

    def status() -> WorkerStatus:
        state = "waiting" if waiting else "running"
        return WorkerStatus(
            worker_id="w", service="transfer", state=state, waiting_for=waiting, at=NOW
        )

    look = WaitingLog(status, lambda: now)
    with capture_logs() as lines:
        look()
        for second in range(150):
            now = float(second)
            until = NOW + timedelta(seconds=second)
            waiting = Waiting(reason="no_bucket", message="There is no bucket.", until=until)
            assert look().waiting_for == waiting
        waiting = None
        look()
        look()
    assert [(line["event"], line.get("until")) for line in lines] == [
        ("transfer.waiting", NOW.isoformat(timespec="seconds")),
        ("transfer.waiting", (NOW + timedelta(seconds=60)).isoformat(timespec="seconds")),
        ("transfer.waiting", (NOW + timedelta(seconds=120)).isoformat(timespec="seconds")),
        ("transfer.goes_on", None),
    ]

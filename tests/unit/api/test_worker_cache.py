"""The cache of workers keeps the newest status of each, within bounds."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from services.api.worker_cache import FORGET_AFTER, WorkerCache
from services.core.events import WorkerStatus
from tests.samples import AT, SAMPLES

SECOND = timedelta(seconds=1)


def worker(name: str, at: datetime = AT, **changes: object) -> WorkerStatus:
    service = name.split("@")[0]
    return replace(WorkerStatus(worker_id=name, service=service, state="running", at=at), **changes)


def test_the_newest_status_of_a_worker_counts_in_any_order() -> None:
    cache = WorkerCache()
    for seconds in (3, 1, 2):
        cache.apply(worker("lister@h/1", AT + seconds * SECOND, in_flight=seconds))
    [status] = cache.newest(AT)
    assert status.in_flight == 3


def test_a_worker_that_stopped_stays_known_as_stopped() -> None:
    cache = WorkerCache()
    cache.apply(worker("lister@h/1", AT, state="stopped"))
    cache.apply(worker("lister@h/1", AT - SECOND))
    [status] = cache.newest(AT)
    assert status.state == "stopped"


def test_a_worker_that_was_silent_for_long_is_forgotten() -> None:
    cache = WorkerCache()
    cache.apply(worker("lister@h/1", AT - FORGET_AFTER - SECOND))
    cache.apply(worker("lister@h/2", AT - FORGET_AFTER + SECOND))
    cache.apply(SAMPLES["ImportPaused"])
    assert [status.worker_id for status in cache.newest(AT)] == ["lister@h/2"]


def test_beyond_its_room_whoever_was_silent_longest_goes() -> None:
    cache = WorkerCache(room=3)
    for number in range(10):
        cache.apply(worker(f"lister@h/{number}", AT + number * SECOND))
    assert {s.worker_id for s in cache.newest(AT)} == {f"lister@h/{n}" for n in (7, 8, 9)}

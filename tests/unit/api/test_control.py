"""POST /imports/{id}/pause, resume and cancel."""

import asyncio
from collections.abc import Sequence

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api import control
from services.core import events as e
from services.core.errors import TryAgain
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import decode
from tests.catalog_rows import BEGAN, a_file, an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import Api, running

FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
WORDS = {"pause": e.ImportPaused, "resume": e.ImportResumed, "cancel": e.ImportCancelled}


def controls(log: FakeLog) -> list[e.Control]:
    """Every control in the log."""
    events = [decode(IMPORTS_REQUESTED.name, raw.value) for raw in log.of(IMPORTS_REQUESTED.name)]
    return [event for event in events if isinstance(event, e.Control)]


def told(log: FakeLog) -> list[tuple[type[e.Control], int]]:
    """Kinds and epochs."""
    return [(type(event), event.epoch) for event in controls(log)]


def publisher(log: FakeLog) -> FakePublisher:
    return FakePublisher(log, lambda: KafkaUnavailableError("away"), "other")


async def act(api: Api, word: str, job: str = "import-0001") -> tuple[int, str]:
    """The status, and the state or the code of the problem; GET must agree with it."""
    answer = await api.client.post(f"/imports/{job}/{word}")
    shown = answer.json()
    if answer.status_code != 202:
        return answer.status_code, shown["code"]
    assert (await api.client.get(f"/imports/{job}")).json() == shown
    return 202, shown["state"]


async def started(api: Api) -> str:
    job: str = (await api.start(FOLDER)).json()["jobId"]
    return job


async def test_each_control_is_an_event_of_the_next_epoch_and_shown_at_once(api: Api) -> None:
    job = await started(api)
    assert await act(api, "pause", job) == (202, "paused")
    assert await act(api, "resume", job) == (202, "queued")
    assert await act(api, "pause", job) == (202, "paused")
    assert await act(api, "cancel", job) == (202, "cancelled")
    assert told(api.log) == [
        (e.ImportPaused, 1),
        (e.ImportResumed, 2),
        (e.ImportPaused, 3),
        (e.ImportCancelled, 4),
    ]


@pytest.mark.parametrize("word", ["pause", "resume", "cancel"])
async def test_the_same_control_twice_is_one(api: Api, word: str) -> None:
    job = await started(api)
    if word == "resume":
        await act(api, "pause", job)
    before = len(controls(api.log))
    answers = await asyncio.gather(*(act(api, word, job) for _ in range(5)))
    assert len(set(answers)) == 1
    assert len(controls(api.log)) == before + 1


async def test_resuming_what_is_not_paused_changes_nothing(api: Api) -> None:
    job = await started(api)
    assert await act(api, "resume", job) == (202, "queued")
    assert controls(api.log) == []


async def test_an_import_that_never_was_is_not_found(api: Api) -> None:
    for word in (*WORDS, "retry"):
        assert await act(api, word, "nope") == (404, "unknown_import")
    assert controls(api.log) == []


@pytest.mark.parametrize("state", ["completed", "completed_with_failures", "failed"])
async def test_an_import_that_has_ended_cannot_be_controlled(api: Api, state: str) -> None:
    api.catalog.fill(rows(imports=[an_import(1, state=state, finished_at=BEGAN)]))
    for word in WORDS:
        assert await act(api, word) == (409, "import_ended")
    assert controls(api.log) == []


async def test_a_cancelled_import_never_comes_to_life_again(api: Api) -> None:
    job = await started(api)
    await act(api, "cancel", job)
    assert await act(api, "pause", job) == (409, "import_ended")
    assert await act(api, "resume", job) == (409, "import_ended")
    assert await act(api, "retry", job) == (409, "import_ended")
    assert await act(api, "cancel", job) == (202, "cancelled")
    assert len(controls(api.log)) == 1


async def test_rows_that_the_indexer_has_not_written_yet_are_shown_in_the_new_state(
    api: Api,
) -> None:
    api.catalog.fill(rows(imports=[an_import(1, epoch=4, folders_listed=0, folders_failed=0)]))
    assert await act(api, "pause") == (202, "paused")
    [listed] = (await api.client.get("/imports")).json()
    assert (listed["state"], listed["epoch"]) == ("paused", 5)
    # Now the row has the pause, but not yet the resume.
    paused = an_import(1, state="paused", epoch=5, folders_listed=0, folders_failed=0)
    api.catalog.fill(rows(imports=[paused]))
    assert await act(api, "resume") == (202, "listing")
    assert await act(api, "cancel") == (202, "cancelled")
    shown = (await api.client.get("/imports/import-0001")).json()
    assert shown["finished_at"] == shown["updated_at"]
    assert shown["found"] == sum(shown[n] for n in ("stored", "unchanged", "failed", "pending"))


async def test_a_row_that_is_ahead_of_the_log_counts(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(1, state="paused", epoch=3)]))
    assert (await api.client.get("/imports/import-0001")).json()["state"] == "paused"
    assert await act(api, "pause") == (202, "paused")
    assert controls(api.log) == []
    assert await act(api, "resume") == (202, "transferring")
    assert told(api.log) == [(e.ImportResumed, 4)]


async def test_what_ended_before_its_pause_was_met_has_ended(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(1)]))
    assert await act(api, "pause") == (202, "paused")
    api.catalog.fill(rows(imports=[an_import(1, state="completed", pending=0, epoch=1)]))
    assert (await api.client.get("/imports/import-0001")).json()["state"] == "completed"
    assert await act(api, "resume") == (409, "import_ended")


class Raced:
    """Publishes what others ask for just before its own."""

    def __init__(self, log: FakeLog, *others: e.Control) -> None:
        self._own = publisher(log)
        self._others = list(others)

    async def publish(self, events: Sequence[e.Message]) -> None:
        if isinstance(events[0], e.Control) and self._others:
            await self._own.publish([self._others.pop(0)])
        await self._own.publish(events)


def stalled(epoch: int) -> e.ImportStalled:
    return e.ImportStalled(import_id="import-0001", epoch=epoch, at=BEGAN)


def paused(epoch: int) -> e.ImportPaused:
    return e.ImportPaused(import_id="import-0001", epoch=epoch, at=BEGAN)


@pytest.mark.parametrize(
    ("word", "others", "own_epochs", "state"),
    [
        ("pause", [stalled(1)], [1], "paused"),  # of one epoch the graver counts
        ("pause", [stalled(2)], [1, 3], "paused"),  # the indexer was ahead: once more
        ("pause", [stalled(2), stalled(3)], [1, 3], "paused"),
        ("pause", [stalled(2), stalled(4)], [1, 3, 5], "paused"),
        ("cancel", [stalled(9)], [1], "cancelled"),  # that counts at any epoch
    ],
)
async def test_a_control_that_loses_its_epoch_takes_the_next(
    log: FakeLog,
    catalog: FakeCatalog,
    word: str,
    others: list[e.Control],
    own_epochs: list[int],
    state: str,
) -> None:
    catalog.fill(rows(imports=[an_import(1)]))
    async with running(log, catalog, Raced(log, *others)) as api:
        await api.settled()
        assert await act(api, word) == (202, state)
    assert [epoch for kind, epoch in told(log) if kind is WORDS[word]] == own_epochs


async def test_a_resume_that_loses_to_a_pause_is_tried_again_and_then_given_up(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(imports=[an_import(1, state="paused", epoch=1)]))
    async with running(log, catalog, Raced(log, paused(2))) as api:
        await api.settled()
        assert await act(api, "resume") == (202, "transferring")
    assert told(log) == [(e.ImportPaused, 2), (e.ImportResumed, 2), (e.ImportResumed, 3)]
    contested = [paused(epoch) for epoch in range(5, 10)]
    async with running(log, catalog, Raced(log, paused(4), *contested)) as api:
        await api.settled()
        await act(api, "pause")
        assert await act(api, "resume") == (409, "control_contested")


async def test_nothing_is_done_while_kafka_is_away_and_it_can_be_repeated(
    log: FakeLog, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "CATCH_UP_SECONDS", 0)
    catalog.fill(rows(imports=[an_import(1)], files=[a_file(1, state="failed")]))
    async with running(log, catalog, publisher(log)) as api:
        await api.settled()
        log.available = False
        for word in ("pause", "cancel", "retry"):
            answer = await api.client.post(f"/imports/import-0001/{word}")
            assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            shown = (await api.client.get("/imports/import-0001")).json()
            assert shown["state"] == "transferring"
        assert log.of(IMPORTS_REQUESTED.name) == []
        log.available = True
        await api.settled()
        assert await act(api, "pause") == (202, "paused")


async def test_nothing_is_asked_for_while_the_database_is_away(api: Api) -> None:
    api.catalog.trouble = TryAgain("database_unavailable", "The database is not responding.")
    for word in (*WORDS, "retry"):
        assert await act(api, word) == (503, "database_unavailable")
    assert controls(api.log) == []


class Lost:
    """Acknowledges what never comes into the log, as if the tail were slow."""

    async def publish(self, events: Sequence[e.Message]) -> None:
        del events


async def test_a_tail_that_is_slow_delays_the_answer_only_so_long(
    log: FakeLog, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "READ_SECONDS", 0.05)
    catalog.fill(rows(imports=[an_import(1)]))
    async with running(log, catalog, Lost()) as api:
        await api.settled()
        assert await act(api, "pause") == (202, "paused")


async def test_a_restarted_api_knows_every_control(log: FakeLog, catalog: FakeCatalog) -> None:
    catalog.fill(rows(imports=[an_import(1)]))
    async with running(log, catalog, publisher(log)) as api:
        await api.settled()
        await act(api, "pause")
    async with running(log, catalog, publisher(log)) as api:
        await api.settled()
        assert (await api.client.get("/imports/import-0001")).json()["state"] == "paused"
        assert await act(api, "resume") == (202, "transferring")
    assert told(log) == [(e.ImportPaused, 1), (e.ImportResumed, 2)]

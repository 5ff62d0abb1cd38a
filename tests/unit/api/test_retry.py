"""POST /imports/{id}/retry, with an indexer that folds the log into the fake catalog."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from services.adapters.catalog.rows import FROM_FOUND, Rows
from services.adapters.catalog.views.imports import RetryFilter
from services.adapters.kafka.errors import KafkaUnavailableError
from services.api import control, retry
from services.api.problems import Problem
from services.api.retry import parse_retry
from services.core import events as e
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import Record, decode
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.catalog_rows import BEGAN, a_file, a_folder, an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import Api, running

JOB = "import-0001"
Json = Mapping[str, Any]


def asked(log: FakeLog) -> list[e.Message]:
    """What was asked of imports."""
    return [decode(IMPORTS_REQUESTED.name, raw.value) for raw in log.of(IMPORTS_REQUESTED.name)]


def retries(log: FakeLog) -> list[e.RetryRequested]:
    return [event for event in asked(log) if isinstance(event, e.RetryRequested)]


def begun(failed: int = 3, folders: int = 2) -> Rows:
    """An import that ended: one file stored, so many failed, so many folders not listed."""
    files = [
        a_file(
            n,
            state="failed",
            reason="gone" if n % 2 else "slow",
            outcome_at=BEGAN,
            tried_round=0,
            round=0,
            drive_version=1,
            metadata_source=FROM_FOUND,
            topic="files.failed",
            partition=0,
            offset=n,
        )
        for n in range(failed)
    ]
    stored = a_file(9_000, state="stored", outcome_at=BEGAN, tried_round=0)
    job = an_import(
        1,
        state="completed_with_failures",
        found=failed + 1,
        stored=1,
        unchanged=0,
        failed=failed,
        pending=0,
        failures={"gone": failed // 2, "slow": failed - failed // 2},
        folders_found=folders + 1,
        folders_listed=1,
        folders_failed=folders,
    )
    return rows(
        imports=[job],
        files=[*files, stored],
        folders=[a_folder(n) for n in range(folders)],
    )


@asynccontextmanager
async def indexed(
    log: FakeLog, catalog: FakeCatalog, state: Rows, batch: int
) -> AsyncIterator[asyncio.Event]:
    """The real fold, beside the api; it stands still while the event is cleared."""
    catalog.fill(state)
    moving = asyncio.Event()
    moving.set()

    async def index() -> None:
        rows, done = state, 0
        while True:
            await moving.wait()
            raws = log.of(IMPORTS_REQUESTED.name)[done : done + batch]
            done += len(raws)
            new = [LogRecord(decode(r.topic, r.value), r.topic, 0, r.offset) for r in raws]
            rows = fold(rows, rows_of(new))
            catalog.fill(rows)
            await asyncio.sleep(0.005)

    indexing = asyncio.create_task(index())
    yield moving
    indexing.cancel()
    await asyncio.gather(indexing, return_exceptions=True)


@asynccontextmanager
async def system(state: Rows, batch: int = 100) -> AsyncIterator[tuple[Api, asyncio.Event]]:
    log, catalog = FakeLog(), FakeCatalog()
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with (
        indexed(log, catalog, state, batch) as moving,
        running(log, catalog, publisher) as api,
    ):
        await api.settled()
        yield api, moving


async def post(api: Api, body: object) -> tuple[int, Json]:
    answer = await api.client.post(f"/imports/{JOB}/retry", json=body)
    return answer.status_code, answer.json()


async def post_nothing(api: Api) -> Json:
    answer: Json = (await api.client.post(f"/imports/{JOB}/retry")).json()
    return answer


async def shown(api: Api) -> Json:
    """The import, whose equation must hold."""
    row: Json = (await api.client.get(f"/imports/{JOB}")).json()
    assert row["found"] == sum(row[n] for n in ("stored", "unchanged", "failed", "pending"))
    return row


async def test_all_that_failed_counts_as_pending_once_the_answer_is_there() -> None:
    async with system(begun()) as (api, _):
        answer = await api.client.post(f"/imports/{JOB}/retry")
        assert answer.status_code == 202
        assert answer.json() == {"files": 3, "folders": 2, "round": 1}
        row = await shown(api)
        assert (row["failed"], row["pending"], row["folders_failed"]) == (0, 3, 0)
        assert (row["state"], row["failures"], row["failed_folders"]) == ("listing", {}, [])
        [event] = retries(api.log)
        assert (event.round, event.part, event.last, event.epoch) == (1, 0, True, 0)
        assert event.files == tuple(f"file-{n:04}" for n in range(3))
        assert event.folders == ("folder-0000", "folder-0001")


@pytest.mark.parametrize(
    ("body", "files", "folders"),
    [
        ({}, [0, 1, 2], [0, 1]),
        ({"reason": "gone"}, [1], []),
        ({"reason": "not_found"}, [], [0, 1]),
        ({"files": ["file-0002", "file-9000", "file-0002", "elsewhere"]}, [2], []),
        ({"folders": ["folder-0001", "folder-7777"]}, [], [1]),
    ],
)
async def test_only_what_is_named_and_failed_is_tried_again(
    body: Json, files: list[int], folders: list[int]
) -> None:
    async with system(begun()) as (api, _):
        status, answer = await post(api, body)
        assert (status, answer["files"], answer["folders"]) == (202, len(files), len(folders))
        [event] = retries(api.log)
        assert event.files == tuple(f"file-{n:04}" for n in files)
        assert event.folders == tuple(f"folder-{n:04}" for n in folders)
        assert (await shown(api))["pending"] == len(files)


async def test_a_retry_of_nothing_publishes_nothing() -> None:
    async with system(begun()) as (api, _):
        for body in ({"reason": "unheard_of"}, {"files": ["x"]}, {"folders": ["x"]}):
            assert await post(api, body) == (202, {"files": 0, "folders": 0, "round": 0})
        assert retries(api.log) == []


async def test_a_retry_twice_is_one() -> None:
    async with system(begun()) as (api, _):
        answers = await asyncio.gather(
            *(api.client.post(f"/imports/{JOB}/retry") for _ in range(3))
        )
        assert [answer.status_code for answer in answers] == [202, 202, 202]
        assert sorted(answer.json()["files"] for answer in answers) == [0, 0, 3]
        assert len(retries(api.log)) == 1


async def test_a_retry_of_many_comes_in_parts_of_a_thousand() -> None:
    async with system(begun(failed=2_000, folders=1_001)) as (api, _):
        answer = await post_nothing(api)
        assert answer == {"files": 2_000, "folders": 1_001, "round": 1}
        parts = retries(api.log)
        assert [(x.part, len(x.files), len(x.folders), x.last) for x in parts] == [
            (0, 1_000, 1_000, False),
            (1, 1_000, 1, False),
            (2, 0, 0, True),
        ]
        assert {x.round for x in parts} == {1}
        assert len({id for x in parts for id in x.files}) == 2_000
        assert (await shown(api))["pending"] == 2_000


async def test_a_retry_of_many_is_answered_once_all_its_parts_are_pending() -> None:
    async with system(begun(failed=3_000, folders=0), batch=1) as (api, _):
        assert (await post_nothing(api))["files"] == 3_000
        assert (await shown(api))["pending"] == 3_000


class Together(FakePublisher):
    """Publishes its first retry at the same moment as another one."""

    def __init__(self, log: FakeLog, barrier: asyncio.Barrier) -> None:
        super().__init__(log, lambda: KafkaUnavailableError("away"), "api")
        self._barrier: asyncio.Barrier | None = barrier

    async def publish(self, events: Sequence[e.Message | Record]) -> None:
        if self._barrier is not None and isinstance(events[0], e.RetryRequested):
            barrier, self._barrier = self._barrier, None
            async with asyncio.timeout(60):
                await barrier.wait()
        await super().publish(events)


async def test_two_apis_never_give_one_round_to_two_retries() -> None:
    log, catalog, barrier = FakeLog(), FakeCatalog(), asyncio.Barrier(2)
    async with (
        indexed(log, catalog, begun(folders=0), 100),
        running(log, catalog, Together(log, barrier)) as one,
        running(log, catalog, Together(log, barrier)) as other,
    ):
        await one.settled()
        await other.settled()
        calls = [
            one.client.post(f"/imports/{JOB}/retry", json={"files": ["file-0001"]}),
            other.client.post(f"/imports/{JOB}/retry", json={"files": ["file-0002"]}),
        ]
        rounds = {answer.json()["round"] for answer in await asyncio.gather(*calls)}
    assert rounds == {1, 2}
    asked = {(x.round, x.files) for x in retries(log) if x.round in rounds}
    assert len(asked) == 3  # one was published once more, at the round that nobody had


async def test_a_retry_that_was_lost_midway_can_be_asked_for_again() -> None:
    async with system(begun()) as (api, _):
        lost = e.RetryRequested(import_id=JOB, round=1, at=BEGAN, files=("file-0001",), last=False)
        await FakePublisher(api.log, RuntimeError, "test").publish([lost])
        async with asyncio.timeout(60):
            while (await shown(api))["pending"] != 1:
                await asyncio.sleep(0.005)
        assert await post_nothing(api) == {"files": 2, "folders": 2, "round": 2}


async def test_the_last_part_says_so_even_if_it_is_empty() -> None:
    async with system(begun(failed=1_000, folders=0)) as (api, _):
        assert await post_nothing(api) == {"files": 1_000, "folders": 0, "round": 1}
        parts = retries(api.log)
        assert [(len(x.files), x.last) for x in parts] == [(1_000, False), (0, True)]


async def test_a_file_that_was_never_found_is_retried_by_listing_its_folder() -> None:
    state = begun(failed=1, folders=0)
    [key] = [key for key, row in state.files.items() if row.state == "failed"]
    lost = a_file(0, state="failed", reason="slow", folder_id="folder-0777", outcome_at=BEGAN)
    state.files[key] = lost
    async with system(state) as (api, _):
        assert await post_nothing(api) == {"files": 1, "folders": 1, "round": 1}
        [event] = retries(api.log)
        assert (event.files, event.folders) == (("file-0000",), ("folder-0777",))


async def test_the_round_is_new_to_all_imports_and_replays() -> None:
    async with system(begun()) as (api, _):
        other = e.RetryRequested(import_id="other", at=BEGAN, round=7)
        replay = e.ReplayRequested(
            import_id="replay-1",
            name="",
            why="",
            at=BEGAN,
            round=11,
            select=e.Selection(),
            scope=e.ReplayScope.ALL,
        )
        paused = e.ImportPaused(import_id=JOB, epoch=3, at=BEGAN)
        await FakePublisher(api.log, RuntimeError, "test").publish([replay, other, paused])
        async with asyncio.timeout(60):
            while api.imports.view.newest_round < 11 or (await shown(api))["epoch"] < 3:
                await asyncio.sleep(0.005)
        assert (await post_nothing(api))["round"] == 12
        assert retries(api.log)[-1].epoch == 3
        assert (await shown(api))["state"] == "paused"  # a retry does not resume


async def test_the_round_is_above_that_of_a_retry_which_only_the_database_knows_yet() -> None:
    """Another api asked for it, and our tail is behind."""
    state = begun()
    state.imports[JOB] = replace(state.imports[JOB], round=9)
    async with system(state) as (api, _):
        assert (await post_nothing(api))["round"] == 10


async def test_a_retry_that_the_indexer_has_not_met_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "READ_SECONDS", 0.1)
    async with system(begun()) as (api, moving):
        moving.clear()
        assert (await post_nothing(api))["files"] == 3
        row = await shown(api)
        assert (row["state"], row["finished_at"]) == ("transferring", None)  # not ended any more
        again = await api.client.post(f"/imports/{JOB}/retry")
        assert (again.status_code, again.json()["code"]) == (409, "retry_under_way")
        assert int(again.headers["Retry-After"]) > 0
        assert (await api.client.post(f"/imports/{JOB}/pause")).status_code == 202
        moving.set()
        async with asyncio.timeout(60):
            while (await shown(api))["pending"] != 3:
                await asyncio.sleep(0.005)
        assert (await post_nothing(api))["files"] == 0
        assert len(retries(api.log)) == 1


async def test_a_retry_while_kafka_is_away_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CATCH_UP_SECONDS", 0.1)
    async with system(begun()) as (api, _):
        api.log.available = False
        answer = await api.client.post(f"/imports/{JOB}/retry")
        assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
        row = await shown(api)
        assert (row["failed"], row["state"]) == (3, "completed_with_failures")
        api.log.available = True
        await api.settled()
        assert (await post_nothing(api))["files"] == 3


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"{", "not_json", "JSON"),
        (b"\xff", "not_json", "JSON"),
        (b"[" * 100_000, "bad_retry", "object"),
        (b"null", "bad_retry", "object"),
        (b"[]", "bad_retry", "object"),
        (b'"all"', "bad_retry", "object"),
        (b'{"file": ["a"]}', "bad_retry", "file"),
        (b'{"reason": null}', "bad_retry", "reason"),
        (b'{"reason": 3}', "bad_retry", "reason"),
        (b'{"reason": ""}', "bad_retry", "reason"),
        (b'{"reason": "Not Found"}', "bad_retry", "reason"),
        (b'{"files": []}', "bad_retry", "files"),
        (b'{"files": "a"}', "bad_retry", "files"),
        (b'{"files": ["a", 1]}', "bad_retry", "files"),
        (b'{"files": ["a\\u0000"]}', "bad_retry", "files"),
        (b'{"files": [""]}', "bad_retry", "files"),
        (b'{"files": [%s"a"]}' % (b'"a",' * 1_000), "bad_retry", "files"),
        (b'{"files": ["a"], "reason": "gone"}', "bad_retry", "one of"),
        (b'{"files": ["a"], "folders": ["b"]}', "bad_retry", "one of"),
    ],
)
def test_a_bad_body_is_refused_with_what_is_wrong_with_it(
    body: bytes, code: str, says: str
) -> None:
    with pytest.raises(Problem, match=says) as refused:
        parse_retry(body)
    assert refused.value.code == code


def test_what_may_be_asked_for() -> None:
    assert parse_retry(b"") == parse_retry(b"{}") == RetryFilter()
    assert parse_retry(b'{"reason": "gone"}') == RetryFilter(reason="gone")
    assert parse_retry(b'{"files": ["a", "b"]}') == RetryFilter(files=("a", "b"))
    assert parse_retry(b'{"folders": ["a"]}') == RetryFilter(folders=("a",))

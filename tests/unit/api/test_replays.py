"""POST /replays, and what is shown and changed of them afterwards."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from string import ascii_letters, digits

import pytest
from msgspec.structs import replace

from services.adapters.catalog.rows import ReplayFileRow, ReplayRow, Rows
from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.imports import LARGEST_BODY
from services.api.plan_id import Stretch, plan_id_of, plan_of
from services.core import events as e
from services.core.topics import FILES_FOUND, FILES_STORED
from services.core.wire import Record, encode
from tests.catalog_rows import BEGAN, a_file, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import Api, running
from tests.unit.api.replaying import asked, filled, plan, start, started


async def test_a_started_replay_is_the_plan_as_an_event(api: Api) -> None:
    await filled(api)
    await api.client.post("/import/google-drive", json={"folderUrl": "1" * 33})
    planned = await plan(api, mode="all", transfer="force")
    answer = await start(api, planned["plan_id"], files_per_second=50, most=3)
    assert answer.status_code == 202
    replay_id = answer.json()["replay_id"]
    assert answer.headers["location"] == f"/replays/{replay_id}"
    event = asked(api)[-1]
    assert event == e.ReplayRequested(
        import_id=replay_id,
        name="outage",
        why="The store was full.",
        at=event.at,  # type: ignore[union-attr]
        round=1,
        select=e.Selection(imports=("import-0001",)),
        scope=e.ReplayScope.ALL,
        transfer=e.Mode.FORCE,
        ends=plan_of(planned["plan_id"]).ends,
        files=5,
        bytes=5010,
        files_per_second=50,
        most=3,
    )


async def test_an_id_that_was_returned_is_never_unknown_and_shows_the_plan(api: Api) -> None:
    await filled(api)
    replay_id = await started(api, most=3)
    shown = (await api.client.get(f"/replays/{replay_id}")).json()
    assert (shown["id"], shown["state"]) == (replay_id, "planned")
    assert (shown["name"], shown["why"], shown["by"]) == ("outage", "The store was full.", None)
    counts = [shown[n] for n in ("selected", "stored", "unchanged", "failed", "pending")]
    assert counts == [0] * 5
    select = {"imports": ["import-0001"], "since": None, "until": None, "dead_letters": False}
    select |= {"folders": [], "files": [], "outcomes": [], "reasons": []}
    planned = {"mode": "all", "transfer": "check", "target": None, "select": select}
    assert shown["plan"] == {**planned, "files": 5, "bytes": 5010, "most": 3}
    [listed] = (await api.client.get("/replays")).json()
    assert listed == {name: shown[name] for name in listed}


async def test_the_same_key_twice_is_one_replay(api: Api) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    first, second = [await start(api, plan_id, "k") for _ in range(2)]
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert len(asked(api)) == 1
    assert (await start(api, plan_id, "other")).json() != first.json()
    assert (await start(api, plan_id)).json() != (await start(api, plan_id)).json()
    assert len(asked(api)) == 4


async def test_a_key_means_the_same_replay_after_a_restart_and_when_the_log_has_moved_on(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher) as api:
        await filled(api)
        plan_id = (await plan(api))["plan_id"]
        first = await start(api, plan_id, "k")
    log.begins[place_of_a_finding(api)] = 1
    async with running(log, catalog, publisher) as api:
        assert (await start(api, plan_id, "k")).json() == first.json()
        assert len(asked(api)) == 1


@pytest.mark.parametrize(
    "changes", [{"name": "another"}, {"why": "?"}, {"most": 7}, {"files_per_second": 7}]
)
async def test_the_same_key_with_another_body_is_refused(
    api: Api, changes: dict[str, object]
) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    await start(api, plan_id, "k")
    answer = await start(api, plan_id, "k", **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "other_replay")
    other = (await plan(api, mode="missing"))["plan_id"]
    answer = await start(api, other, "k")
    assert (answer.status_code, answer.json()["code"]) == (422, "other_replay")
    assert len(asked(api)) == 1


async def test_two_requests_at_once_with_one_key_are_one_replay(api: Api) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    answers = await asyncio.gather(*(start(api, plan_id, "k") for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(asked(api)) == 1


async def test_every_replay_has_a_round_of_its_own(api: Api) -> None:
    await filled(api)
    for _ in range(3):
        await started(api)
    assert [event.round for event in asked(api) if isinstance(event, e.ReplayRequested)] == [
        1,
        2,
        3,
    ]


async def test_replays_that_start_at_once_have_rounds_of_their_own(api: Api) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    answers = await asyncio.gather(*(start(api, plan_id) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    rounds = [event.round for event in asked(api) if isinstance(event, e.ReplayRequested)]
    assert sorted(rounds) == [1, 2, 3, 4, 5]


async def test_of_two_processes_asked_with_one_key_the_later_one_is_told(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    class Overtaken(FakePublisher):
        """Another process writes its request first."""

        async def publish(self, events: Sequence[e.Message | Record]) -> None:
            event = events[0]
            if isinstance(event, e.ReplayRequested):
                earlier = event.at - timedelta(seconds=1)
                await super().publish([replace(event, name="theirs", at=earlier)])
            await super().publish(events)

    overtaken = Overtaken(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, overtaken) as api:
        await filled(api)
        answer = await start(api, (await plan(api))["plan_id"], "k")
    assert (answer.status_code, answer.json()["code"]) == (422, "other_replay")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 201},
        {"name": None},
        {"why": ""},
        {"why": "x" * 4001},
        {"why": "a\x00b"},
        {"files_per_second": 0},
        {"files_per_second": 2.5},
        {"most": 0},
        {"most": -1},
        {"speed": 1},
    ],
)
async def test_a_body_of_another_shape_is_refused(api: Api, changes: dict[str, object]) -> None:
    await filled(api)
    answer = await start(api, (await plan(api))["plan_id"], **changes)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")
    assert asked(api) == []


async def test_a_lone_surrogate_is_refused(api: Api) -> None:
    body = b'{"plan_id": "x", "name": "\\ud800", "why": "y"}'
    headers = {"Content-Type": "application/json"}
    answer = await api.client.post("/replays", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")


@pytest.mark.parametrize("plan_id", ["", "nonsense", "AQ", "A" * 99_000, "é", "../../etc/passwd"])
async def test_an_id_of_no_plan_is_refused(api: Api, plan_id: str) -> None:
    answer = await start(api, plan_id)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_plan")


@pytest.mark.parametrize("key", ["", "a\tb", "x" * 256])
async def test_a_key_that_cannot_be_one_is_refused(api: Api, key: str) -> None:
    await filled(api)
    answer = await start(api, (await plan(api))["plan_id"], key)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


def place_of_a_finding(api: Api) -> tuple[str, int]:
    """A partition of `files.found` that holds something."""
    return next(p for p, log in api.log.records.items() if p[0] == FILES_FOUND.name and log)


async def test_a_plan_that_retention_has_passed_is_refused(api: Api) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    api.log.begins[place_of_a_finding(api)] = 1
    answer = await start(api, plan_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_expired")
    assert "starts at 1" in answer.json()["detail"]
    assert asked(api) == []
    assert (await start(api, (await plan(api))["plan_id"])).status_code == 202


async def test_a_plan_on_topics_that_are_gone_is_refused(api: Api) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    api.log.ids[FILES_STORED.name] = "recreated"
    answer = await start(api, plan_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "log_changed")
    api.log.ids.clear()
    api.log.records[place_of_a_finding(api)].clear()
    answer = await start(api, plan_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "log_changed")
    assert asked(api) == []


async def test_nothing_is_started_while_kafka_is_away(api: Api) -> None:
    await filled(api)
    plan_id = (await plan(api))["plan_id"]
    replay_id = await started(api)
    api.log.available = False
    for answer in (
        await start(api, plan_id),
        await api.client.post(f"/replays/{replay_id}/pause"),
        await api.client.patch(f"/replays/{replay_id}", json={"files_per_second": 1}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
        assert answer.headers["retry-after"]
    api.log.available = True
    assert len(asked(api)) == 1


def a_replay(number: int, **changes: object) -> ReplayRow:
    """A replay as the indexer writes it."""
    fields: dict[str, object] = {
        "state": "running",
        "name": f"Incident {number}",
        "why": "It was dark.",
        "scope": "failed",
        "transfer": "check",
        "select": {"imports": ["import-0001"]},
        "requested_at": BEGAN,
        "planned_files": 4,
        "selected": 4,
        "stored": 1,
        "unchanged": 1,
        "failed": 1,
        "pending": 1,
        "failures": {"not_found": 1},
    }
    return ReplayRow(id=f"replay-{number}", **{**fields, **changes})  # type: ignore[arg-type]


def filled_with(*replays: ReplayRow) -> Rows:
    return Rows(replays={row.id: row for row in replays})


async def test_a_replay_of_a_replay_counts_its_depth_and_has_an_end(api: Api) -> None:
    await filled(api)
    api.catalog.fill(filled_with(*(a_replay(n, depth=n) for n in range(4))))
    for depth in range(3):
        planned = await plan(api, {"imports": [f"replay-{depth}", "replay-0"]})
        assert (await start(api, planned["plan_id"])).status_code == 202
        assert isinstance(event := asked(api)[-1], e.ReplayRequested)
        assert event.depth == depth + 1
    planned = await plan(api, {"imports": ["replay-3"]})
    answer = await start(api, planned["plan_id"])
    assert (answer.status_code, answer.json()["code"]) == (422, "replay_too_deep")


async def test_progress_by_partition_and_what_hangs_are_told(api: Api) -> None:
    progress = {"10": (5, 5, BEGAN.isoformat(), True, 0), "2": (0, 7, None, False, 0)}
    filled_rows = filled_with(a_replay(1, progress=progress, by="ops"))
    hanging = ReplayFileRow(replay_id="replay-1", import_id="import-0001", file_id="file-0003")
    lost = ReplayFileRow(replay_id="replay-1", import_id="import-0009", file_id="file-0009")
    for row in (hanging, lost):
        filled_rows.replay_files[row.replay_id, row.import_id, row.file_id] = row
    api.catalog.fill(filled_rows)
    api.catalog.fill(rows(files=[a_file(3)]))
    shown = (await api.client.get("/replays/replay-1")).json()
    assert shown["by"] == "ops"
    assert shown["failures"] == {"not_found": 1}
    two, ten = shown["partitions"]
    at = BEGAN.isoformat().replace("+00:00", "Z")
    assert two == {"partition": 2, "offset": 0, "end": 7, "read_at": None, "done": False}
    assert ten == {"partition": 10, "offset": 5, "end": 5, "read_at": at, "done": True}
    assert shown["reading"] == [2]
    assert shown["pending_files"] == [
        {"import_id": "import-0001", "google_drive_id": "file-0003", "name": "Picture 3.jpg"},
        {"import_id": "import-0009", "google_drive_id": "file-0009", "name": ""},
    ]


async def test_replays_are_listed_newest_first_page_by_page(api: Api) -> None:
    await filled(api)
    api.catalog.fill(filled_with(*(a_replay(n) for n in range(3))))
    new = [await started(api) for _ in range(2)][::-1]
    seen: list[str] = []
    address = "/replays?limit=2"
    while address:
        answer = await api.client.get(address)
        seen += [one["id"] for one in answer.json()]
        address = answer.links["next"]["url"] if answer.links else ""
    assert seen == [*new, "replay-2", "replay-1", "replay-0"]


async def test_a_replay_that_never_was_is_not_found(api: Api) -> None:
    answers = [await api.client.get("/replays/replay-x")]
    answers += [await api.client.post(f"/replays/replay-x/{w}") for w in ("pause", "cancel")]
    answers += [await api.client.patch("/replays/replay-x", json={"files_per_second": 1})]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_replay")
    assert asked(api) == []


async def test_each_control_is_an_event_of_the_replay_and_is_shown_at_once(api: Api) -> None:
    await filled(api)
    replay_id = await started(api)
    states = []
    for word in ("pause", "pause", "resume", "pause", "cancel", "cancel"):
        answer = await api.client.post(f"/replays/{replay_id}/{word}")
        assert answer.status_code == 202
        assert (await api.client.get(f"/replays/{replay_id}")).json() == answer.json()
        states.append(answer.json()["state"])
    assert states == ["paused", "paused", "planned", "paused", "cancelled", "cancelled"]
    controls = [event for event in asked(api) if isinstance(event, e.Control)]
    assert [(type(c), c.import_id, c.epoch) for c in controls] == [
        (e.ImportPaused, replay_id, 1),
        (e.ImportResumed, replay_id, 2),
        (e.ImportPaused, replay_id, 3),
        (e.ImportCancelled, replay_id, 4),
    ]
    for word in ("pause", "resume"):
        answer = await api.client.post(f"/replays/{replay_id}/{word}")
        assert (answer.status_code, answer.json()["code"]) == (409, "replay_ended")


async def test_a_replay_that_failed_is_shown_so_before_the_indexer_writes_it(api: Api) -> None:
    await filled(api)
    replay_id = await started(api)
    failed = e.ReplayFailed(import_id=replay_id, at=BEGAN, reason="lost", message="No.")
    await api.log.append([encode(failed, source="indexer")])
    async with asyncio.timeout(60):
        while (await api.client.get(f"/replays/{replay_id}")).json()["state"] != "failed":
            await asyncio.sleep(0.01)
    answer = await api.client.post(f"/replays/{replay_id}/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "replay_ended")


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
async def test_a_replay_that_has_ended_cannot_be_controlled(api: Api, state: str) -> None:
    api.catalog.fill(filled_with(a_replay(1, state=state)))
    for answer in (
        await api.client.post("/replays/replay-1/pause"),
        await api.client.post("/replays/replay-1/resume"),
        await api.client.patch("/replays/replay-1", json={"files_per_second": 1}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "replay_ended")
    assert asked(api) == []


async def test_the_rate_is_an_event_and_is_shown_at_once(api: Api) -> None:
    await filled(api)
    replay_id = await started(api, files_per_second=5)
    for rate in (7, None):
        answer = await api.client.patch(f"/replays/{replay_id}", json={"files_per_second": rate})
        assert answer.status_code == 202
        assert answer.json()["files_per_second"] == rate
        assert (await api.client.get(f"/replays/{replay_id}")).json() == answer.json()
        assert isinstance(event := asked(api)[-1], e.ReplayRateChanged)
        assert (event.import_id, event.files_per_second) == (replay_id, rate)
    for body in ({}, {"files_per_second": 0}, {"files_per_second": "fast"}, {"rate": 1}):
        answer = await api.client.patch(f"/replays/{replay_id}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")


async def test_a_start_needs_a_filter_even_in_a_plan_that_was_forged(api: Api) -> None:
    await filled(api)
    forged = replace(plan_of((await plan(api))["plan_id"]), select=e.Selection())
    answer = await start(api, plan_id_of(forged))
    assert (answer.status_code, answer.json()["code"]) == (422, "no_filter")


@pytest.mark.parametrize(
    "stretch",
    [
        Stretch("workers.status", 0, 0, 0),
        Stretch("imports.requested", 0, 0, 0),
        Stretch(FILES_FOUND.name, 99, 0, 0),
        Stretch(FILES_FOUND.name, 0, 0, 0),
    ],
)
async def test_ends_that_no_plan_was_given_are_refused(api: Api, stretch: Stretch) -> None:
    await filled(api)
    made = plan_of((await plan(api))["plan_id"])
    answer = await start(api, plan_id_of(replace(made, stretches=(*made.stretches, stretch))))
    assert (answer.status_code, answer.json()["code"]) == (409, "log_changed")
    assert asked(api) == []


async def test_a_thousand_random_ids_can_be_planned_and_started(api: Api) -> None:
    await filled(api)
    draw = random.Random(3)
    ids = ["".join(draw.choices(ascii_letters + digits, k=58)) for _ in range(1_000)]
    planned = await plan(api, {"files": ids})
    assert len(planned["plan_id"]) > LARGEST_BODY * 0.8
    assert (await start(api, planned["plan_id"])).status_code == 202
    assert isinstance(event := asked(api)[-1], e.ReplayRequested)
    assert set(event.select.files) == set(ids)


async def test_a_replay_says_what_it_waits_for(api: Api) -> None:
    api.catalog.fill(filled_with(a_replay(1), a_replay(2, state="completed")))
    shown = (await api.client.get("/replays/replay-1")).json()
    assert shown["waiting_for"]["reason"] == "no_worker"
    assert "`transfer`" in shown["waiting_for"]["message"]
    assert (await api.client.get("/replays/replay-2")).json()["waiting_for"] is None

"""POST /replays/plan."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import publish_dead_letter
from services.adapters.kafka.reader import Raw
from services.api.plan_id import plan_of
from services.core.errors import TryAgain
from services.core.events import FolderNamed, LogEnd, Mode, ReplayRequested, ReplayScope
from services.core.topics import FILES_FAILED, FILES_FOUND, FILES_STORED
from services.core.wire import Record, encode
from tests.catalog_rows import BEGAN, a_file, an_import, rows
from tests.fakes.log import FakePublisher
from tests.unit.api.conftest import Api
from tests.unit.api.replaying import SELECT, a_row, ask_plan, asked, filled, found_ends, plan, start


async def test_a_plan_counts_what_a_replay_would_do_and_publishes_nothing(api: Api) -> None:
    await filled(api)
    found = await plan(api)
    assert (found["files"], found["bytes"]) == (5, 5 * 1000 + 10)
    assert found["by_outcome"] == {"failed": 1, "none": 1, "stored": 2, "unchanged": 1}
    assert found["by_reason"] == {"download_failed": 1}
    assert (found["by_import"], found["imports"]) == ({"import-0001": 5}, 1)
    assert [sample["name"] for sample in found["samples"]] == [f"Picture {n}.jpg" for n in range(5)]
    assert (found["left_out"], found["unreadable"], found["unread"]) == (0, 0, 0)
    assert (found["mode"], found["transfer"]) == ("all", "check")
    assert asked(api) == []


@pytest.mark.parametrize(
    ("mode", "transfer", "files", "no_op", "units"),
    [
        ("all", "check", 5, 3, 400),
        ("all", "force", 5, 0, 1000),
        ("missing", "check", 1, 0, 200),
        ("failed", "check", 1, 0, 200),
        ("failed", "force", 1, 0, 200),
        ("missing", "force", 1, 0, 200),
        ("verify", "check", 3, 0, 0),
        ("verify", "force", 3, 0, 0),
    ],
)
async def test_only_downloads_cost_quota(
    api: Api, mode: str, transfer: str, files: int, no_op: int, units: int
) -> None:
    await filled(api)
    found = await plan(api, mode=mode, transfer=transfer)
    assert (found["files"], found["no_op"], found["quota_units"]) == (files, no_op, units)
    assert found["seconds"] == round(units / (325_000 * 0.88 / 60), 1)


async def test_the_ends_are_what_the_indexer_had_read_and_where_the_findings_end(api: Api) -> None:
    await filled(api)
    api.catalog.consumed[FILES_STORED.name, 3] = (f"id-of-{FILES_STORED.name}", 0)
    found = await plan(api)
    ends = {(end["topic"], end["partition"]): end["offset"] for end in found["ends"]}
    assert len(ends) == 36
    assert {p: ends[FILES_FOUND.name, p] for p in range(12)} == found_ends(api)
    assert sum(found_ends(api).values()) == 5
    for topic in (FILES_STORED.name, FILES_FAILED.name):
        assert {ends[topic, p] for p in range(12)} == {0}
    held = plan_of(found["plan_id"])
    assert [(end.topic, end.partition, end.offset) for end in held.ends] == [
        (*place, offset) for place, offset in ends.items()
    ]
    assert (held.files, held.bytes) == (found["files"], found["bytes"])
    assert (held.scope, held.transfer) == (ReplayScope.ALL, Mode.CHECK)


async def test_the_earliest_time_is_since_when_the_log_is_whole(api: Api) -> None:
    assert (await plan_of_nothing(api))["earliest"] is None
    await filled(api)
    records = api.log.of(FILES_FOUND.name)
    assert seconds((await plan(api))["earliest"]) == min(raw.at_ms for raw in records) / 1000
    removed = records[0]
    await asyncio.sleep(0.005)
    again = Record(topic=removed.topic, key=removed.key or b"", value=removed.value or b"")
    await api.log.append([again])
    place = removed.topic, removed.partition
    api.log.begins[place] = len(api.log.records[place]) - 1
    kept = api.log.records[place][-1]
    assert seconds((await plan(api))["earliest"]) == kept.at_ms / 1000


async def plan_of_nothing(api: Api) -> dict[str, object]:
    api.catalog.fill(rows(imports=[an_import(1)]))
    found: dict[str, object] = await plan(api)
    return found


def seconds(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()


async def test_an_empty_selection_is_a_plan_of_nothing(api: Api) -> None:
    found = await plan_of_nothing(api)
    assert (found["files"], found["bytes"], found["seconds"]) == (0, 0, 0)
    assert (found["by_outcome"], found["by_reason"], found["samples"]) == ({}, {}, [])


async def test_manifests_that_are_not_indexed_yet_are_told(api: Api) -> None:
    await filled(api)
    named = FolderNamed(import_id="import-0001", folder_id="f", name="Holidays", named_at=BEGAN)
    await api.log.append([encode(named, source="lister")] * 3)
    [place] = [place for place, log in api.log.records.items() if place[0] == named.topic and log]
    api.catalog.consumed[place] = (f"id-of-{named.topic}", 1)
    assert (await plan(api))["unread"] == 2


async def test_paused_and_cancelled_imports_are_left_out_and_counted(api: Api) -> None:
    await filled(api)
    halted = [an_import(2, control="paused"), an_import(3, cancelled=True), an_import(4)]
    files = [a_file(number, import_id=f"import-{number:04}") for number in (2, 3, 4)]
    api.catalog.fill(rows(imports=halted, files=files))
    found = await plan(api, {"imports": [f"import-{n:04}" for n in (1, 2, 3, 4)]})
    assert (found["by_import"], found["left_out"]) == ({"import-0001": 5, "import-0004": 1}, 2)


async def test_a_file_whose_own_event_cannot_be_read_is_told_apart(api: Api) -> None:
    await filled(api)
    api.catalog.fill(rows(files=[a_row(9, "failed", metadata_source=0)]))
    found = await plan(api, mode="failed")
    assert (found["files"], found["unreadable"]) == (1, 1)


async def test_a_selection_is_what_meets_every_part_of_it(api: Api) -> None:
    await filled(api)
    later = BEGAN + timedelta(hours=2)
    api.catalog.fill(rows(files=[a_row(7, "failed", reason="not_found", outcome_at=later)]))
    times = {"since": later.isoformat(), "until": (later + timedelta(seconds=1)).isoformat()}
    assert (await plan(api, {"reasons": ["not_found", "download_failed"]}))["files"] == 2
    assert (await plan(api, {"reasons": ["not_found"], **times}))["files"] == 1
    assert (await plan(api, {"reasons": ["download_failed"], **times}))["files"] == 0
    assert (await plan(api, {"outcomes": ["none", "unchanged"]}))["files"] == 2
    assert (await plan(api, {"files": ["file-0007", "nope"]}))["files"] == 1


async def test_the_order_and_repetition_of_ids_make_no_other_plan(api: Api) -> None:
    await filled(api)
    one, other = [
        (await plan(api, {"files": ids}))["select"] for ids in (["b", "a", "b"], ["a", "b"])
    ]
    assert one == other


@pytest.mark.parametrize(
    ("select", "status", "code"),
    [
        ({}, 422, "no_filter"),
        ({"imports": []}, 422, "no_filter"),
        ({"imports": ["import-0001", "never-was"]}, 422, "no_such_import"),
        ({"imports": ["replay-never-was"]}, 422, "no_such_import"),
        ({"reasons": ["download_failed", "no_such"]}, 422, "no_such_reason"),
        ({"reasons": ["No Such!"]}, 400, "bad_body"),
        ({"import": ["import-0001"]}, 400, "bad_body"),
        ({"imports": "import-0001"}, 400, "bad_body"),
        ({"imports": ["a\x00b"]}, 400, "bad_body"),
        ({"files": ["x"] * 1001}, 400, "bad_body"),
        ({"outcomes": ["lost"]}, 400, "bad_body"),
        ({"since": "2026-11-25T08:00:00"}, 400, "bad_body"),
        (
            {"since": "2026-11-25T08:00:00Z", "until": "2026-11-25T07:00:00Z"},
            422,
            "empty_time_range",
        ),
        (
            {"since": "2026-11-25T08:00:00Z", "until": "2026-11-25T08:00:00Z"},
            422,
            "empty_time_range",
        ),
    ],
)
async def test_a_selection_that_makes_no_sense_is_refused(
    api: Api, select: object, status: int, code: str
) -> None:
    await filled(api)
    answer = await ask_plan(api, {"select": select, "mode": "all"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"select": SELECT},
        {"mode": "all"},
        {"select": SELECT, "mode": "some"},
        {"select": SELECT, "mode": "all", "transfer": "fresh"},
        {"select": SELECT, "mode": "all", "most": 3},
    ],
)
async def test_a_body_of_another_shape_is_refused(api: Api, body: object) -> None:
    answer = await ask_plan(api, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")


async def test_a_database_of_another_log_cannot_be_planned_on(api: Api) -> None:
    await filled(api)
    api.log.ids[FILES_STORED.name] = "recreated"
    answer = await ask_plan(api, {"select": SELECT, "mode": "all"})
    assert (answer.status_code, answer.json()["code"]) == (409, "log_changed")
    api.log.ids.clear()
    api.catalog.consumed[FILES_FAILED.name, 0] = (f"id-of-{FILES_FAILED.name}", 99)
    answer = await ask_plan(api, {"select": SELECT, "mode": "all"})
    assert (answer.status_code, answer.json()["code"]) == (409, "log_changed")


async def test_nothing_is_planned_while_a_part_is_away(api: Api) -> None:
    await filled(api)
    api.catalog.trouble = TryAgain("database_slow", "It took too long.")
    answer = await ask_plan(api, {"select": SELECT, "mode": "all"})
    assert (answer.status_code, answer.json()["code"]) == (503, "database_slow")
    api.catalog.trouble = None
    api.log.available = False
    answer = await ask_plan(api, {"select": SELECT, "mode": "all"})
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
    assert answer.headers["retry-after"] == "5"


async def broken(api: Api, *values: bytes, import_id: bytes = b"import-0001") -> None:
    """Dead letters of `files.found`, as a worker sets them aside."""
    for offset, value in enumerate(values):
        record = Raw(
            topic=FILES_FOUND.name,
            partition=3,
            offset=offset,
            key=b"file-1",
            value=value,
            headers={"ce_importid": import_id} if import_id else {},
        )
        publisher = FakePublisher(api.log, lambda: KafkaUnavailableError("away"), "transfer")
        await publish_dead_letter(publisher, record, "not JSON", service="transfer")


async def test_dead_letters_are_counted_from_their_own_topic(api: Api) -> None:
    await filled(api)
    assert (await plan(api, {"dead_letters": True}))["files"] == 0
    await broken(api, b"{", b"[1")
    found = await plan(api, {"dead_letters": True, "imports": ["import-0001"]})
    assert (found["files"], found["bytes"], found["quota_units"]) == (2, 3, 400)
    assert found["by_outcome"] == {"files.found": 2}
    assert found["by_reason"] == {"undecodable_event": 2}
    assert [sample["name"] for sample in found["samples"]] == ["files.found/3/0", "files.found/3/1"]
    assert found["ends"] == [{"topic": "dead.letters", "partition": 0, "offset": 2}]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await plan(api, {"dead_letters": True, "since": later}))["files"] == 0


async def test_a_letter_of_no_import_and_a_listing_under_way_change_no_other_count(
    api: Api,
) -> None:
    await filled(api)
    named = FolderNamed(import_id="import-0001", folder_id="f", name="Holidays", named_at=BEGAN)
    await api.log.append([encode(named, source="lister")])
    await broken(api, b"{", import_id=b"")
    found = await plan(api, {"dead_letters": True})
    assert (found["files"], found["imports"], found["unread"]) == (1, 0, 0)


@pytest.mark.parametrize("more", [{"files": ["f"]}, {"folders": ["f"]}, {"outcomes": ["failed"]}])
async def test_dead_letters_go_with_few_other_filters(api: Api, more: dict[str, object]) -> None:
    answer = await ask_plan(api, {"select": {"dead_letters": True, **more}, "mode": "all"})
    assert (answer.status_code, answer.json()["code"]) == (422, "filters_conflict")


async def test_a_replay_of_dead_letters_can_be_started(api: Api) -> None:
    await broken(api, b"{")
    answer = await start(api, (await plan(api, {"dead_letters": True}))["plan_id"])
    assert answer.status_code == 202
    assert isinstance(event := asked(api)[-1], ReplayRequested)
    assert event.ends == (LogEnd(topic="dead.letters", partition=0, offset=1),)
    assert event.select.dead_letters


async def test_a_replay_to_one_consumer_copies_outcomes_and_costs_nothing(api: Api) -> None:
    await filled(api)
    found = await plan(api, target="thumbnails")
    assert (found["files"], found["no_op"], found["quota_units"]) == (4, 0, 0)
    assert found["by_outcome"] == {"failed": 1, "stored": 2, "unchanged": 1}
    assert found["select"]["outcomes"] == ["failed", "stored", "unchanged"]
    assert (await plan(api, mode="failed", target="thumbnails"))["files"] == 1
    api.catalog.fill(rows(imports=[an_import(1, cancelled=True)]))
    assert (await plan(api))["files"] == 0
    assert (await plan(api, target="thumbnails"))["files"] == 4
    answer = await start(api, found["plan_id"])
    assert answer.status_code == 202
    assert isinstance(event := asked(api)[-1], ReplayRequested)
    assert event.target == "thumbnails"
    shown = (await api.client.get(answer.headers["location"])).json()
    assert shown["plan"]["target"] == "thumbnails"


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "missing"},
        {"mode": "verify"},
        {"transfer": "force"},
        {"select": {"outcomes": ["none"]}},
        {"mode": "failed", "select": {"outcomes": ["stored"]}},
        {"select": {"dead_letters": True}},
    ],
)
async def test_a_replay_to_one_consumer_works_on_nothing(api: Api, body: dict[str, object]) -> None:
    answer = await ask_plan(api, {"select": SELECT, "mode": "all", "target": "t", **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "filters_conflict")


@pytest.mark.parametrize("target", ["", "A", "a.b", "../x", "-a", "a" * 64, "a\n", 5])
async def test_a_consumer_has_a_name_that_a_topic_can_have(api: Api, target: object) -> None:
    answer = await ask_plan(api, {"select": SELECT, "mode": "all", "target": target})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")


async def test_a_plan_of_dead_letters_that_retention_has_passed_is_refused(api: Api) -> None:
    await broken(api, b"{", b"[1")
    plan_id = (await plan(api, {"dead_letters": True}))["plan_id"]
    await broken(api, b"[2")  # what comes after the plan is not part of it
    assert (await start(api, plan_id)).status_code == 202
    api.log.begins["dead.letters", 0] = 1
    answer = await start(api, plan_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_expired")
    assert "dead.letters/0 starts at 1, and the plan reads from 0 to 2" in answer.json()["detail"]


async def test_what_the_indexer_has_not_written_yet_is_no_unknown_import(api: Api) -> None:
    folder = {"folderUrl": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"}
    job = (await api.client.post("/import/google-drive", json=folder)).json()["jobId"]
    found = await plan(api, {"imports": [job]})
    assert found["files"] == 0
    replay_id = (await start(api, found["plan_id"])).json()["replay_id"]
    assert (await plan(api, {"imports": [replay_id]}))["files"] == 0

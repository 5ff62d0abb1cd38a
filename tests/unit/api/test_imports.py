"""GET /imports and what lies under it: one list of what the catalog and the log know."""

from datetime import timedelta

import httpx
import msgspec
import pytest

from services.core import events as e
from services.core.errors import TryAgain
from tests.catalog_rows import BEGAN, FOLDER, a_file, a_folder, an_import, rows
from tests.fakes.log import FakePublisher
from tests.unit.api.conftest import Api, holds

FIELDS = [
    "id",
    "state",
    "name",
    "folder_id",
    "folder_url",
    "found",
    "stored",
    "unchanged",
    "failed",
    "pending",
    "skipped",
    "failures",
    "found_bytes",
    "stored_bytes",
    "folders_found",
    "folders_listed",
    "folders_failed",
    "requested_at",
    "first_stored_at",
    "finished_at",
    "updated_at",
    "message",
    "round",
    "epoch",
    "priority",
    "waiting_for",
    "limited_by",
    "parked",
]
IN_FULL = [*FIELDS, "failed_folders"]


def a_request(number: int) -> e.ImportRequested:
    """The request of `an_import(number)`."""
    row = an_import(number)
    assert row.folder_id
    assert row.folder_url
    assert row.requested_at
    return e.ImportRequested(
        import_id=row.id,
        folder_id=row.folder_id,
        folder_url=row.folder_url,
        requested_at=row.requested_at,
    )


async def listed(api: Api) -> list[dict[str, object]]:
    """The list, after a look that it has the fields that it should have."""
    rows: list[dict[str, object]] = (await api.client.get("/imports")).json()
    assert all(list(row) == FIELDS for row in rows)
    return rows


def in_list(shown: dict[str, object]) -> dict[str, object]:
    """One import as the list shows it."""
    return {name: shown[name] for name in FIELDS}


async def publish(api: Api, *events: e.Message) -> None:
    """Put events into the log, and return when the tail has them."""
    await FakePublisher(api.log, RuntimeError, "test").publish(events)
    ids = [event.import_id for event in events if not isinstance(event, e.OfNoImport)]
    await holds(lambda: all(api.imports.view.request(id) for id in ids))


def following(response: httpx.Response) -> str | None:
    return response.links.get("next", {}).get("url")


async def test_an_import_is_shown_with_its_counts(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(1)]))
    shown = (await api.client.get("/imports/import-0001")).json()
    assert list(shown) == IN_FULL
    parts = ("stored", "unchanged", "failed", "pending")
    assert shown["found"] == sum(shown[part] for part in parts) == 5
    assert (shown["skipped"], shown["failures"]) == ({"not_an_image": 3}, {"not_found": 1})
    assert shown["updated_at"] == "2026-11-23T13:00:00.123456Z"
    assert await listed(api) == [in_list(shown)]


async def test_an_import_that_only_the_log_knows_is_queued(api: Api) -> None:
    await publish(api, a_request(1))
    shown = (await api.client.get("/imports/import-0001")).json()
    assert list(shown) == IN_FULL
    assert (shown["state"], shown["folder_id"]) == ("queued", FOLDER)
    assert shown["requested_at"] == shown["updated_at"] == "2026-11-23T12:00:01.123456Z"
    numbers = [value for value in shown.values() if isinstance(value, int)]
    assert numbers == [0] * 12
    assert (shown["skipped"], shown["failures"]) == ({}, {})
    assert await listed(api) == [in_list(shown)]


async def test_an_import_tells_its_priority(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(2)]))
    bulk = msgspec.structs.replace(a_request(1), priority=e.Priority.BULK)
    await publish(api, bulk, a_request(2))
    shown = {row["id"]: row["priority"] for row in await listed(api)}
    assert shown == {"import-0001": "bulk", "import-0002": "normal"}
    assert (await api.client.get("/imports/import-0001")).json()["priority"] == "bulk"


async def test_what_was_asked_comes_from_the_log_until_the_catalog_has_it(api: Api) -> None:
    unasked = an_import(1, requested_at=None, folder_id=None, folder_url=None)
    api.catalog.fill(rows(imports=[unasked]))
    await publish(api, a_request(1))
    shown = (await api.client.get("/imports/import-0001")).json()
    assert (shown["folder_id"], shown["found"]) == (FOLDER, 5)
    assert shown["requested_at"] == "2026-11-23T12:00:01.123456Z"
    assert await listed(api) == [in_list(shown)]


@pytest.mark.parametrize("in_catalog", [[], [1, 3, 5], [2, 4], [1, 2, 3, 4, 5], [5], [1]])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_the_list_is_whole_whoever_knows_what(
    api: Api, in_catalog: list[int], limit: int
) -> None:
    await publish(api, *(a_request(n) for n in range(1, 6)))
    api.catalog.fill(rows(imports=[an_import(n) for n in in_catalog]))
    address: str | None = f"/imports?limit={limit}"
    seen: list[tuple[str, str]] = []
    while address:
        page = await api.client.get(address)
        seen += [(row["id"], row["state"]) for row in page.json()]
        address = following(page)
    states = {n: "transferring" if n in in_catalog else "queued" for n in range(1, 6)}
    assert seen == [(f"import-{n:04}", states[n]) for n in (5, 4, 3, 2, 1)]


async def test_an_import_that_the_log_no_longer_keeps_is_still_listed(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(9), an_import(1)]))
    await publish(api, a_request(5))
    assert [row["id"] for row in await listed(api)] == ["import-0009", "import-0005", "import-0001"]


async def test_a_control_that_the_indexer_has_not_met_is_shown(api: Api) -> None:
    at = BEGAN + timedelta(hours=2)
    await publish(api, a_request(1), a_request(2))
    await publish(
        api,
        e.ImportPaused(import_id="import-0001", epoch=1, at=at),
        e.ImportCancelled(import_id="import-0002", epoch=1, at=at),
        a_request(3),
    )
    states = {row["id"]: row["state"] for row in (await api.client.get("/imports")).json()}
    assert states == {
        "import-0001": "paused",
        "import-0002": "cancelled",
        "import-0003": "queued",
    }


async def test_an_unknown_import_is_not_found(api: Api) -> None:
    for address in ("/imports/nope", "/imports/nope/files"):
        missing = await api.client.get(address)
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_import")


async def test_files_are_shown_with_what_became_of_them(api: Api) -> None:
    failed = a_file(1, state="failed", reason="not_found", message="It is gone.", attempts=3)
    skipped = a_file(2, state="skipped", skip_reason="not_an_image")
    api.catalog.fill(rows(imports=[an_import(1)], files=[failed, skipped, a_file(3)]))
    [file] = (await api.client.get("/imports/import-0001/files?state=failed")).json()
    assert file == {
        "google_drive_id": "file-0001",
        "name": "Picture 1.jpg",
        "path": "Holidays/2026",
        "state": "failed",
        "reason": "not_found",
        "message": "It is gone.",
        "size": 1001,
        "mime_type": "image/jpeg",
        "round": 0,
        "attempts": 3,
        "object_key": None,
        "updated_at": "2026-11-23T12:00:00.123456Z",
    }
    [file] = (await api.client.get("/imports/import-0001/files?state=skipped")).json()
    assert file["reason"] == "not_an_image"
    assert len((await api.client.get("/imports/import-0001/files")).json()) == 3


async def test_pages_of_files_follow_their_links_to_the_end(api: Api) -> None:
    api.catalog.fill(rows(files=[a_file(n) for n in range(5)]))
    address: str | None = "/imports/import-0001/files?state=pending&limit=2"
    seen: list[str] = []
    while address:
        page = await api.client.get(address)
        assert all(file["state"] == "pending" for file in page.json())
        seen += [file["google_drive_id"] for file in page.json()]
        address = following(page)
    assert seen == [f"file-{n:04}" for n in range(5)]


async def test_an_import_without_files_of_a_state_has_an_empty_list(api: Api) -> None:
    await publish(api, a_request(1))
    answer = await api.client.get("/imports/import-0001/files?state=failed")
    assert (answer.status_code, answer.json()) == (200, [])


async def test_an_unknown_state_is_refused_with_those_that_there_are(api: Api) -> None:
    refused = await api.client.get("/imports/import-0001/files?state=odd")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_state")
    for state in ("pending", "stored", "unchanged", "failed", "skipped"):
        assert state in refused.json()["detail"]


async def test_failed_files_are_listed_by_reason(api: Api) -> None:
    reasons = ("not_found", "store_full", "not_found")
    failed = [a_file(n, state="failed", reason=reason) for n, reason in enumerate(reasons)]
    api.catalog.fill(rows(imports=[an_import(1)], files=failed))
    first = await api.client.get("/imports/import-0001/files?state=failed&reason=not_found&limit=1")
    second = await api.client.get(following(first) or "")
    shown = [page.json()[0]["google_drive_id"] for page in (first, second)]
    assert (shown, following(second)) == (["file-0000", "file-0002"], None)
    for odd in ("Not-a-code", "", "x" * 65):
        refused = await api.client.get(f"/imports/import-0001/files?reason={odd}")
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_parameter")


async def test_a_database_that_does_not_answer_is_said(api: Api) -> None:
    api.catalog.trouble = TryAgain("database_unavailable", "The database is not responding.")
    for address in ("/imports", "/imports/x", "/imports/x/files", "/images/x"):
        refused = await api.client.get(address)
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")


async def test_parked_files_are_told_apart_with_the_time_when_they_are_fetched(api: Api) -> None:
    failures = {"download_quota_exceeded": 7, "not_found": 1}
    state = "completed_with_failures"
    ended = an_import(1, state=state, failures=failures, failed=8, finished_at=BEGAN)
    api.catalog.fill(rows(imports=[ended]))
    [shown] = await listed(api)
    assert shown["failed"] == 8
    assert shown["parked"] == {
        "files": 7,
        "reason": "download_quota_exceeded",
        "after": "2026-11-24T12:00:00.123456Z",
        "how": "They are retried automatically at the time in `after`. To retry them now, send "
        'POST /imports/{id}/retry with {"reason": "download_quota_exceeded"}.',
    }
    in_full = (await api.client.get("/imports/import-0001")).json()
    assert in_list(in_full) == shown


async def test_what_is_parked_has_no_time_unless_it_is_fetched_by_itself(api: Api) -> None:
    parked = {"download_quota_exceeded": 7}
    running = an_import(1, failures=parked, finished_at=BEGAN)
    cancelled = an_import(2, state="cancelled", failures=parked, finished_at=BEGAN)
    late = an_import(
        3,
        state="completed_with_failures",
        failures=parked,
        finished_at=BEGAN + timedelta(days=13, seconds=4),
    )
    api.catalog.fill(rows(imports=[running, cancelled, late]))
    shown = [row["parked"] for row in await listed(api)]
    assert [(each["files"], each["after"]) for each in shown if isinstance(each, dict)] == [
        (7, None),
        (7, None),
        (7, None),
    ]


async def test_an_import_with_nothing_parked_says_nothing_of_it(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(2, state="completed", finished_at=BEGAN)]))
    [shown] = await listed(api)
    assert shown["parked"] is None


async def test_folders_that_could_not_be_listed_are_named_with_the_reason(api: Api) -> None:
    api.catalog.fill(
        rows(
            imports=[an_import(1, folders_failed=120), an_import(2, folders_failed=0)],
            folders=[a_folder(n) for n in range(120)],
        )
    )
    shown = (await api.client.get("/imports/import-0001")).json()
    assert shown["folders_failed"] == 120
    assert len(shown["failed_folders"]) == 100
    assert shown["failed_folders"][0] == {
        "folder_id": "folder-0000",
        "path": "Holidays/Part 0",
        "reason": "not_found",
        "message": "This folder does not exist, or it is not shared.",
        "failed_at": "2026-11-23T12:00:00.123456Z",
    }
    assert (await api.client.get("/imports/import-0002")).json()["failed_folders"] == []

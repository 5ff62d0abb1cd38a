"""An api with files to replay: rows in the catalog, and the log that they were made from."""

from typing import Any

import httpx

from services.adapters.catalog.rows import FileRow
from services.core import events as e
from services.core.topics import FILES_FAILED, FILES_FOUND, FILES_STORED, IMPORTS_REQUESTED
from services.core.wire import decode, encode
from tests.catalog_rows import BEGAN, a_file, an_import, rows
from tests.unit.api.conftest import Api

SELECT = {"imports": ["import-0001"]}
OUTCOMES = ("stored", "stored", "unchanged", "failed", "none")
START = {"name": "outage", "why": "The store was full."}


def a_row(number: int, outcome: str, **changes: object) -> FileRow:
    """A file that was found, with this outcome."""
    if outcome == "none":
        return a_file(number, **changes)
    fields: dict[str, object] = {"state": outcome, "outcome_at": BEGAN, "metadata_source": 3}
    if outcome == "failed":
        fields |= {"reason": "download_failed", "message": "It failed."}
    return a_file(number, **{**fields, **changes})


async def filled(api: Api) -> None:
    """Five files of one import, as many records of each topic, and what the indexer has read."""
    files = [a_row(number, outcome) for number, outcome in enumerate(OUTCOMES)]
    api.catalog.fill(rows(imports=[an_import(1)], files=files))
    for row in files:
        await api.log.append([encode(_found(row), source="lister")])
    for topic in (FILES_STORED.name, FILES_FAILED.name):
        for partition in range(12):
            held = len(api.log.records[topic, partition])
            api.catalog.consumed[topic, partition] = (f"id-of-{topic}", held)


def _found(row: FileRow) -> e.FileFound:
    return e.FileFound(
        import_id=row.import_id,
        file_id=row.file_id,
        name=row.name,
        mime_type=row.mime_type,
        folder_id=row.folder_id,
        found_at=BEGAN,
    )


async def plan(api: Api, select: object = None, mode: str = "all", **more: object) -> Any:
    """The plan that the api makes."""
    answer = await ask_plan(api, {"select": select or SELECT, "mode": mode, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ask_plan(api: Api, body: object) -> httpx.Response:
    return await api.client.post("/replays/plan", json=body)


async def start(api: Api, plan_id: str, key: str | None = None, **more: object) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"plan_id": plan_id, **START, **more}
    return await api.client.post("/replays", json=body, headers=headers)


async def started(api: Api, key: str | None = None, **more: object) -> str:
    """The id of a replay of all that there is."""
    answer = await start(api, (await plan(api))["plan_id"], key, **more)
    assert answer.status_code == 202, answer.text
    replay_id: str = answer.json()["replay_id"]
    return replay_id


def asked(api: Api) -> list[e.Message]:
    """Everything in `imports.requested`."""
    name = IMPORTS_REQUESTED.name
    return [decode(name, raw.value) for raw in api.log.of(name)]


def found_ends(api: Api) -> dict[int, int]:
    """Where the partitions of `files.found` end."""
    return {p: len(api.log.records[FILES_FOUND.name, p]) for p in range(12)}

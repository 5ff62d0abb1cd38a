"""API keys: who may do what, and what the log says of who did it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api import keys as api_keys
from services.api.keys import ADMIN, IMPORT, OPEN, READ, SCOPE
from services.api.routes import routes
from services.core.api_keys import SCOPES, new_key
from services.core.events import (
    ImportCancelled,
    ImportPaused,
    ImportRequested,
    ReplayRateChanged,
    ReplayRequested,
    RetryRequested,
)
from tests.catalog_rows import an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import PRIVATE, Api, running
from tests.unit.api.replaying import asked, filled, started

KEYS = {scope: new_key(f"the-{scope}-key", scope) for scope in SCOPES}
ENV = {"API_KEYS": ",".join(known.setting() for _, known in KEYS.values())}
LINK = {"folderUrl": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"}
NEEDS = {
    READ: {
        "GET /imports",
        "GET /imports/{import_id}",
        "GET /imports/{import_id}/files",
        "GET /imports/{import_id}/files/{google_drive_id}",
        "GET /imports/{import_id}/manifest.csv",
        "GET /imports/{import_id}/SHA256SUMS",
        "GET /images",
        "GET /images/{google_drive_id}",
        "GET /images/{google_drive_id}/content",
        "GET /images/{google_drive_id}/thumbnail",
        "GET /replays",
        "GET /replays/{replay_id}",
        "GET /dead-letters",
        "GET /topics/{name}/events",
        "GET /metrics",
        "POST /access-tokens",
    },
    IMPORT: {
        "POST /import/google-drive",
        "POST /imports/{import_id}/pause",
        "POST /imports/{import_id}/resume",
        "POST /imports/{import_id}/cancel",
        "POST /imports/{import_id}/retry",
    },
    ADMIN: {
        "POST /replays/plan",
        "POST /replays",
        "PATCH /replays/{replay_id}",
        "POST /replays/{replay_id}/pause",
        "POST /replays/{replay_id}/resume",
        "POST /replays/{replay_id}/cancel",
    },
    OPEN: {
        "GET /health/live",
        "GET /health/ready",
        "GET /schema",
        "GET /schema/openapi.json",
        "GET /schema/openapi.yaml",
        "GET /schema/openapi.yml",
        "GET /schema/{path}",
    },
}


def scopes() -> Iterator[tuple[str, str | None]]:
    for route in routes().routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            for method in handler.http_methods - {"OPTIONS"}:
                yield f"{method} {route.path_format}", handler.opt.get(SCOPE)


def bearer(scope: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {KEYS[scope][0]}"}


@pytest.fixture
async def guarded(log: FakeLog, catalog: FakeCatalog) -> AsyncIterator[Api]:
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher, env=ENV) as api:
        await api.settled()
        yield api


def test_every_route_says_what_it_needs() -> None:
    assert [name for name, scope in scopes() if scope not in (*SCOPES, OPEN)] == []


def test_what_each_route_needs_is_known() -> None:
    for scope, names in NEEDS.items():
        assert {name for name, needed in scopes() if needed == scope} >= names, scope
    assert {name for name, scope in scopes() if scope == OPEN} == NEEDS[OPEN]


def test_what_changes_something_needs_more_than_reading() -> None:
    harmless = {"POST /access-tokens"}
    changing = {name for name, _ in scopes() if not name.startswith("GET ")} - harmless
    assert {name for name, scope in scopes() if name in changing and scope in (READ, OPEN)} == set()


async def test_every_route_is_closed_to_others_and_to_lesser_keys(guarded: Api) -> None:
    for name, needed in scopes():
        method, _, path = name.partition(" ")
        path = path.replace("{", "").replace("}", "")
        if needed == OPEN or needed is None:
            continue
        refused = await guarded.client.request(method, path)
        assert_is_closed(refused, "missing_key", needed)
        wrong = {"Authorization": "Bearer drivestream_nobodys"}
        refused = await guarded.client.request(method, path, headers=wrong)
        assert_is_closed(refused, "unknown_key", needed)
        for scope in SCOPES:
            if SCOPES.index(scope) >= SCOPES.index(needed) and name.endswith("/events"):
                continue  # a stream without an end
            answer = await guarded.client.request(method, path, headers=bearer(scope))
            if SCOPES.index(scope) < SCOPES.index(needed):
                assert_is_closed(answer, "insufficient_scope", needed)
            else:
                assert answer.status_code not in (401, 403), (name, scope)
    assert guarded.log.of("imports.requested") == []


def assert_is_closed(answer: httpx.Response, code: str, needed: str) -> None:
    problem = answer.json()
    assert (problem["code"], problem["scope"]) == (code, needed)
    assert answer.status_code == (403 if code == "insufficient_scope" else 401)
    assert f"`{needed}`" in problem["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert f'scope="{needed}"' in answer.headers["www-authenticate"]
    assert answer.headers["www-authenticate"].startswith('Bearer realm="drivestream"')
    assert "drivestream_" not in answer.text


async def test_health_and_the_document_are_open(guarded: Api) -> None:
    for path in ("/health/live", "/health/ready", "/schema", "/schema/openapi.json"):
        assert (await guarded.client.get(path)).status_code == 200
        assert (await guarded.client.get(path, headers={"Authorization": "x"})).status_code == 200
    assert (await guarded.client.options("/images")).status_code == 204
    assert (await guarded.client.head("/images")).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {key} {key}",
        "Bearer, {key}",
        "Bearer \xff",
    ],
)
async def test_no_other_header_is_a_key(guarded: Api, header: str) -> None:
    sent = header.format(key=KEYS[ADMIN][0]).encode("latin-1")
    answer = await guarded.client.get("/imports", headers=[(b"authorization", sent)])
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
    twice = [("Authorization", f"Bearer {KEYS[scope][0]}") for scope in (READ, ADMIN)]
    assert (await guarded.client.get("/imports", headers=twice)).status_code == 401


async def test_the_word_bearer_has_any_case(guarded: Api) -> None:
    sent = {"Authorization": f"bEARER  {KEYS[READ][0]} "}
    assert (await guarded.client.get("/imports", headers=sent)).status_code == 200


async def test_without_keys_nobody_needs_one(api: Api) -> None:
    assert (await api.client.get("/imports")).status_code == 200
    sent = {"Authorization": "Bearer drivestream_of-an-older-setting"}
    assert (await api.client.get("/imports?access_token=old", headers=sent)).status_code == 200
    answer = await api.client.post("/access-tokens")
    assert answer.json() == {"access_token": None, "expires_at": None}


async def test_the_log_names_the_key_that_asked(guarded: Api) -> None:
    client = guarded.client
    key = bearer(IMPORT)
    started = await client.post("/import/google-drive", json=LINK, headers=key)
    path = f"/imports/{started.json()['jobId']}"
    for word, scope in (("pause", IMPORT), ("cancel", ADMIN)):
        assert (await client.post(f"{path}/{word}", headers=bearer(scope))).status_code == 202
    assert [(type(event), getattr(event, "by", None)) for event in asked(guarded)] == [
        (ImportRequested, "the-import-key"),
        (ImportPaused, "the-import-key"),
        (ImportCancelled, "the-admin-key"),
    ]


async def test_replays_and_retries_name_the_key_too(guarded: Api) -> None:
    await filled(guarded)
    client = guarded.client
    client.headers.update(bearer(ADMIN))
    replay = f"/replays/{await started(guarded)}"
    assert (await client.get(replay, headers=bearer(READ))).json()["by"] == "the-admin-key"
    assert (await client.patch(replay, json={"files_per_second": 5})).status_code == 202
    assert (await client.post(f"{replay}/pause")).status_code == 202
    answer = await client.post("/imports/import-0001/retry", headers=bearer(IMPORT))
    assert (answer.status_code, answer.json()["files"]) == (202, 1)
    assert [(type(event), getattr(event, "by", None)) for event in asked(guarded)] == [
        (ReplayRequested, "the-admin-key"),
        (ReplayRateChanged, "the-admin-key"),
        (ImportPaused, "the-admin-key"),
        (RetryRequested, "the-import-key"),
    ]


async def test_the_log_of_a_request_names_its_key_and_shows_none(guarded: Api) -> None:
    made = await guarded.client.post("/access-tokens", headers=bearer(READ))
    token = made.json()["access_token"]
    with capture_logs() as lines:
        await guarded.client.get("/nope", headers=bearer(IMPORT))
        await guarded.client.get(f"/imports/x?access_token={token}")
        await guarded.client.get("/imports")
    assert [line.get("key") for line in lines] == ["the-import-key", "the-read-key", None]
    assert not any(secret in str(lines) for secret in (KEYS[IMPORT][0], token))


async def test_a_token_reads_and_does_nothing_else(guarded: Api) -> None:
    client = guarded.client
    made = await client.post("/access-tokens", headers=bearer(ADMIN))
    assert made.headers["cache-control"] == "no-store"
    token = made.json()["access_token"]
    left = datetime.fromisoformat(made.json()["expires_at"]) - datetime.now(UTC)
    assert 3_590 < left.total_seconds() <= 7_200
    listed = await client.get(f"/imports?access_token={token}&limit=5")
    assert listed.status_code == 200
    assert listed.headers["cache-control"] == "private"
    assert (await client.head(f"/images?access_token={token}")).status_code == 200
    for method, path in (("POST", "/access-tokens"), ("POST", "/imports/I/pause")):
        refused = await client.request(method, f"{path}?access_token={token}")
        assert refused.json()["code"] == "missing_key"
    for other in (token[:-1], f"{token}0", "a.b.c", "", "x", f"{token}&access_token={token}"):
        refused = await client.get(f"/imports?access_token={other}")
        assert_is_closed_to_tokens(refused)


def assert_is_closed_to_tokens(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


async def test_a_token_ends(guarded: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await guarded.client.post("/access-tokens", headers=bearer(READ))
    query = f"?access_token={made.json()['access_token']}"
    ended = datetime.fromisoformat(made.json()["expires_at"])

    class Later:
        @staticmethod
        def now(_zone: Any) -> datetime:
            return ended

    assert (await guarded.client.get(f"/imports{query}")).status_code == 200
    monkeypatch.setattr(api_keys, "datetime", Later)
    assert_is_closed_to_tokens(await guarded.client.get(f"/imports{query}"))


async def test_no_shared_cache_keeps_what_was_given_to_a_key(
    guarded: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(1)]))
    for path in ("/images", "/images/file-0001/content", "/images/file-0001/thumbnail"):
        answer = await guarded.client.get(path, headers=bearer(READ))
        assert "private" in answer.headers["cache-control"], path
        assert "public" not in answer.headers["cache-control"], path


async def test_pages_link_to_each_other_without_the_token(
    guarded: Api, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(3)]))
    made = await guarded.client.post("/access-tokens", headers=bearer(READ))
    token = made.json()["access_token"]
    page = await guarded.client.get(f"/images?limit=1&access_token={token}")
    assert "limit=1&cursor=" in page.headers["link"]
    assert token not in page.headers["link"]


async def test_an_image_of_a_private_store_opens_as_given_and_opens_nothing_else(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(2)]))
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher, store=PRIVATE, env=ENV) as api:
        listed = (await api.client.get("/images", headers=bearer(READ))).json()
        url = urlsplit(listed[0]["storage_path"])
        opened = await api.client.get(f"{url.path}?{url.query}")
        assert (opened.status_code, "X-Amz-Signature" in opened.headers["location"]) == (302, True)
        for path in (urlsplit(listed[1]["storage_path"]).path, "/images", "/imports"):
            assert_is_closed_to_tokens(await api.client.get(f"{path}?{url.query}"))


async def test_tokens_cannot_be_made_from_the_setting_alone(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    """The hashes may lie where people read them; the database's URL is a secret."""
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    tokens = []
    for url in ("postgresql://a:one@h/d", "postgresql://a:two@h/d"):
        async with running(log, catalog, publisher, env={**ENV, "DATABASE_URL": url}) as api:
            made = await api.client.post("/access-tokens", headers=bearer(READ))
            tokens.append(made.json()["access_token"])
    assert tokens[0] != tokens[1]

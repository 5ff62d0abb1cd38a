"""Limits of requests, and pages of other origins."""

import resource
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.connections import OTHER_FILES, allow_open_files
from services.api.keys import Caller
from services.api.limits import MOST_CLIENTS, RateLimit, client_of
from services.api.problems import Problem
from services.core.api_keys import new_key
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import SCOPE, Api, running

APP = "https://app.example.org"
SECRET, KEY = new_key("ci", "import")
ENV = {
    "API_KEYS": KEY.setting(),
    "API_REQUESTS_PER_MINUTE": "20",
    "CORS_ORIGINS": f"{APP}, http://localhost:8080",
}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def scope_of(address: str, path: str = "/x") -> Any:
    return {**SCOPE, "path": path, "client": (address, 5)}


@pytest.fixture
async def limited(log: FakeLog, catalog: FakeCatalog) -> AsyncIterator[Api]:
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher, env=ENV) as api:
        yield api


def test_a_client_has_a_minutes_worth_at_once_and_then_waits_for_each() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)

    def passed() -> int:
        count = 0

        def ask() -> None:
            nonlocal count
            while count < 1_000:
                limit.check(scope_of("10.0.0.1"), Caller())
                count += 1

        with pytest.raises(Problem) as raised:
            ask()
        assert raised.value.code == "too_many_requests"
        assert raised.value.headers == {"Retry-After": "1"}
        return count

    assert passed() == 60
    clock.now += 1.0
    assert passed() == 1
    clock.now += 1e6
    assert passed() == 60
    limit.check(scope_of("10.0.0.2"), Caller())  # harms nobody else
    limit.check(scope_of("10.0.0.1"), Caller(KEY))
    limit.check(scope_of("10.0.0.1", "/health/ready"), Caller())


def test_zero_is_no_limit() -> None:
    limit = RateLimit(0)
    for _ in range(1_000):
        limit.check(scope_of("10.0.0.1"), Caller())


def test_memory_is_bounded_whoever_asks() -> None:
    limit = RateLimit(60)
    for n in range(MOST_CLIENTS + 100):
        limit.check(scope_of(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"), Caller())
    assert len(limit._empty_until) == MOST_CLIENTS


def test_the_addresses_of_one_network_are_one_client() -> None:
    same = {client_of(scope_of(f"2001:db8:1:2::{n:x}")) for n in range(99)}
    assert same == {"2001:0db8:0001:0002"}
    assert client_of(scope_of("::ffff:10.0.0.1")) != client_of(scope_of("::ffff:10.0.0.2"))
    assert client_of(cast(Any, {**SCOPE, "client": None})) == ""


async def test_too_many_requests_are_a_problem_of_those_who_send_them(limited: Api) -> None:
    answers = [await limited.client.get("/nope") for _ in range(25)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429] * 5
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert "20 a minute" in refused.json()["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 3
    key = {"Authorization": f"Bearer {SECRET}"}
    assert (await limited.client.get("/imports", headers=key)).status_code == 200
    assert (await limited.client.get("/health/live")).status_code == 200


async def test_a_page_of_a_listed_origin_may_call(limited: Api) -> None:
    asks = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    answer = await limited.client.options("/import/google-drive", headers=asks)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == APP
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    sent = {"Origin": APP, "Sec-Fetch-Site": "cross-site", "Authorization": f"Bearer {SECRET}"}
    body = {"folderUrl": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"}
    started = await limited.client.post("/import/google-drive", json=body, headers=sent)
    assert started.status_code == 202
    assert "Location" in started.headers["access-control-expose-headers"]
    refused = await limited.client.get("/imports", headers={"Origin": APP})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == APP  # so that the page can read why
    assert "origin" in refused.headers.get_list("vary")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.org.evil.example",
        "http://app.example.org",
        "https://app.example.org:444",
        "https://app.example.org/",
        "null",
        "*",
        "",
        "\xff",
    ],
)
async def test_a_page_of_another_origin_may_not(limited: Api, origin: str) -> None:
    asks = [
        (b"origin", origin.encode("latin-1")),
        (b"access-control-request-method", b"POST"),
        (b"sec-fetch-site", b"cross-site"),
        (b"authorization", f"Bearer {SECRET}".encode()),
    ]
    for method in ("OPTIONS", "GET", "POST"):
        answer = await limited.client.request(method, "/imports/I/pause", headers=asks)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.json()["code"] == "cross_site"


async def test_without_a_list_there_is_no_cors(api: Api) -> None:
    asks = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET"):
        answer = await api.client.request(method, "/imports", headers=asks)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("connections", "warned"), [(50, False), (1_000_000, True)])
def test_the_process_may_open_as_many_files_as_it_needs(connections: int, warned: bool) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if warned and limits[1] == resource.RLIM_INFINITY:
        pytest.skip("this machine has no limit")
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
    try:
        with capture_logs() as lines:
            allow_open_files(connections)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert soft == (hard if warned else 2 * connections + OTHER_FILES)
    assert [line["event"] for line in lines] == (["api.few_open_files"] if warned else [])

"""Webhooks over real HTTP, to receivers that are well, slow, hostile or not there. Each request is
verified with the library of Standard Webhooks, as a receiver would do it."""

import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from services.adapters.webhooks import client
from services.adapters.webhooks.client import Answer, WebhookClient
from services.adapters.webhooks.settings import Endpoint
from services.core.settings import Secret
from services.webhooks import check
from tests.receiver import ENDLESS, OTHER_SECRET, SECRET, Reply, receiving
from tests.system import free_port

BODY = '{"type":"import.completed","data":{"name":"Grüße 🌄"}}'
TOKEN = "a-token-in-the-path"


@asynccontextmanager
async def calling(url: str, *secrets: str) -> AsyncIterator[WebhookClient]:
    keys = [Secret(secret) for secret in secrets or (SECRET,)]
    async with aclosing(WebhookClient(Endpoint(Secret(url)), keys)) as caller:
        yield caller


async def sent_to(url: str, *secrets: str) -> Answer:
    async with calling(url, *secrets) as caller:
        return await caller.send("an-id", BODY)


async def test_a_receiver_verifies_it_with_the_library() -> None:
    with receiving(path="/hook/token?key=1,2") as receiver:
        answer = await sent_to(receiver.url)
    assert answer.delivered
    assert receiver.refused == []
    assert receiver.said == [{"type": "import.completed", "data": {"name": "Grüße 🌄"}}]
    assert receiver.ids == ["an-id"]
    assert receiver.paths == ["/hook/token?key=1,2"]


@pytest.mark.parametrize("known", [SECRET, OTHER_SECRET])
async def test_while_a_secret_replaces_another_receivers_may_know_either(known: str) -> None:
    with receiving() as receiver:
        receiver.secret = known
        assert (await sent_to(receiver.url, SECRET, OTHER_SECRET)).delivered
    assert receiver.refused == []


async def test_a_receiver_with_another_secret_refuses_it() -> None:
    with receiving() as receiver:
        await sent_to(receiver.url, OTHER_SECRET)
    assert len(receiver.refused) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int) -> None:
    """Not even to loopback, which is where the receiver would like the sender to look."""
    with receiving() as victim:
        headers = {"Location": victim.url, "Set-Cookie": "a=b"}
        with receiving(lambda: Reply(status, headers)) as receiver:
            answer = await sent_to(receiver.url)
    assert victim.paths == []
    assert len(receiver.paths) == 1
    assert not answer.delivered
    assert answer.why == f"status {status}, a redirect, which is never followed"


@pytest.mark.parametrize("status", [200, 500])
async def test_the_body_of_an_answer_is_not_read(status: int) -> None:
    with receiving(lambda: Reply(status, body_bytes=ENDLESS)) as receiver:
        tracemalloc.start()
        answer = await sent_to(receiver.url)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert answer.status == status
    assert receiver.body_sent < 64 * 1024 * 1024
    assert most < 16 * 1024 * 1024


async def test_a_receiver_that_hangs_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ATTEMPT_SECONDS", 1.0)
    with receiving(lambda: Reply(hangs=True)) as receiver:
        began = time.monotonic()
        answer = await sent_to(receiver.url)
        assert 0.9 < time.monotonic() - began < 20  # the receiver would hang for longer
    assert not answer.delivered
    assert answer.status is None
    assert answer.why


@pytest.mark.parametrize(("status", "gone"), [(410, True), (404, False), (500, False)])
async def test_only_410_means_gone(status: int, gone: bool) -> None:
    with receiving(lambda: Reply(status)) as receiver:
        answer = await sent_to(receiver.url)
    assert (answer.gone, answer.delivered) == (gone, False)


@pytest.mark.parametrize(
    ("status", "header", "wait"),
    [
        (503, "120", 120.0),
        (429, "7", 7.0),
        (200, "7", 0.0),
        (429, "soon", 0.0),
        (429, "-1", 0.0),
        (429, "9" * 400, 0.0),
    ],
)
async def test_a_receiver_that_throttles_may_say_for_how_long(
    status: int, header: str, wait: float
) -> None:
    with receiving(lambda: Reply(status, {"Retry-After": header})) as receiver:
        answer = await sent_to(receiver.url)
    assert answer.wait == wait


async def test_nobody_there_no_tls_and_no_such_host_are_answers_without_the_url() -> None:
    with receiving(path=f"/{TOKEN}") as receiver:
        urls = [
            f"http://127.0.0.1:{free_port()}/{TOKEN}",
            receiver.url.replace("http:", "https:"),  # it speaks no TLS
            f"http://no-such-host.invalid/{TOKEN}",
            f"http://{'x' * 64}.invalid/{TOKEN}",  # longer than a label may be
        ]
        for url in urls:
            answer = await sent_to(url)
            assert answer.status is None
            assert answer.why
            assert TOKEN not in answer.why
    assert receiver.paths == []


def test_a_check_says_of_each_url_what_came_of_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    with receiving() as well, receiving(lambda: Reply(500)) as ill:
        env = {"WEBHOOK_SECRET": SECRET, "WEBHOOK_URLS": well.url}
        assert check.main(env) == 0
        assert check.main(env | {"WEBHOOK_URLS": f"{well.url},{ill.url}"}) == 1
    assert [said["type"] for said in well.said + ill.said] == ["webhook.test"] * 3
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == second
    assert first.endswith(": delivered")
    assert third.endswith(": status 500")


def test_a_check_without_urls_or_without_a_secret_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check.main({}) == 2
    assert check.main({"WEBHOOK_URLS": "https://hooks.example.com"}) == 2
    said = capsys.readouterr().err
    assert "WEBHOOK_URLS is not set" in said
    assert "WEBHOOK_SECRET must be set" in said

"""What `status` and `doctor` say of a copy whose services wait."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from local.show.waits import waits
from services.api.health import Check, Ready
from tests.integration.local.answers import Answers, answering

pytestmark = pytest.mark.real
READY = "GET /health/ready"
FINE = {"ok": True, "detail": "It answers."}
FULL = "The object store has no room left. It tries again at 12:00:05."


@pytest.fixture
def api() -> Iterator[Answers]:
    with answering() as answers:
        yield answers


def test_each_service_that_waits_has_a_sentence(api: Answers) -> None:
    checks = {"kafka": FINE, "transfer": {"ok": False, "detail": FULL}}
    api.add(READY, {"status": "degraded", "checks": checks})
    assert waits(api.url) == [f"transfer is waiting: {FULL}"]


def test_it_reads_what_the_api_writes() -> None:
    assert {*Ready.__struct_fields__} == {"status", "checks"}
    assert {*Check.__struct_fields__} == {"ok", "detail"}


def test_nothing_waits_where_all_is_well(api: Answers) -> None:
    api.add(READY, {"status": "ready", "checks": {"kafka": FINE, "database": FINE}})
    assert waits(api.url) == []


def test_what_a_service_says_is_only_text(api: Answers) -> None:
    detail = "\x1b[31mred\nand a second line" + "x" * 1000
    api.add(READY, {"checks": {"transfer\x07": {"ok": False, "detail": detail}}})
    (said,) = waits(api.url)
    assert said.isprintable()
    assert len(said) < 500


@pytest.mark.parametrize(
    "document",
    [
        *({}, [], None, "ready", {"checks": None}, {"checks": []}, {"checks": {"kafka": {}}}),
        *({"checks": {"kafka": None}}, {"checks": {"kafka": {"ok": False}}}),
    ],
)
def test_an_answer_of_another_kind_says_nothing(api: Answers, document: object) -> None:
    api.add(READY, document)
    assert waits(api.url) == []


def test_an_answer_that_is_no_success_says_nothing(api: Answers) -> None:
    api.add(READY, {"checks": {"kafka": {"ok": False, "detail": "No."}}}, status=503)
    assert waits(api.url) == []


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n<html>"])
def test_whoever_else_answers_says_nothing(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(said)

        thread = Thread(target=answer)
        thread.start()
        assert waits(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=60) == []
        thread.join()


def test_nobody_and_silence_are_no_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert waits(address, timeout_s=0.2) == []
    assert waits(address) == []

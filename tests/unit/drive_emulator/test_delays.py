"""Delays: which requests wait, and what is refused as a delay."""

import pytest

from drive_emulator.asgi import Receive, Scope, Send
from drive_emulator.delays import Delayed, kind_of, parse_delay


@pytest.mark.parametrize(
    ("path", "query", "kind"),
    [
        ("/drive/v3/files", b"q=x", "list"),
        ("/drive/v3/files/ID", b"", "get"),
        ("/drive/v3/files/ID", b"alt=media", "media"),
        ("/download/drive/v3/files/ID", b"alt=media", "media"),
        ("/_emu/health", b"", ""),
    ],
)
def test_a_request_is_known_by_path_and_query(path: str, query: bytes, kind: str) -> None:
    assert kind_of({"path": path, "query_string": query}) == kind


def test_a_delay_is_a_kind_and_milliseconds() -> None:
    assert parse_delay("list=400") == ("list", 0.4)


@pytest.mark.parametrize(
    "text", ["", "list", "list=", "put=4", "list=-1", "list=x", "list=9999999"]
)
def test_what_is_no_delay_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="milliseconds"):
        parse_delay(text)


async def test_only_the_kind_named_waits_and_everything_is_answered() -> None:
    answered: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answered.append(scope["path"])

    async def receive() -> dict[str, object]:
        return {}

    async def send(_message: object) -> None:
        return

    delayed = Delayed(app, {"list": 0.01})
    for path in ("/drive/v3/files", "/_emu/health"):
        await delayed({"path": path, "query_string": b""}, receive, send)
    assert answered == ["/drive/v3/files", "/_emu/health"]

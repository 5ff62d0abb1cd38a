"""What a POST asks for begins a trace, or continues its caller's."""

from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from services.adapters.tracing.exported import with_trace_id
from services.adapters.tracing.settings import Sampling
from tests.fakes.tracing import FakeTracing, context_of, error_of

pytestmark = pytest.mark.anyio
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{SPAN}-01".encode()
UNKEPT = f"00-{TRACE}-{SPAN}-00".encode()


class App:
    def __init__(self, status: int = 202) -> None:
        self._status = status
        self.line: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["path_template"] = "/imports/{import_id}/retry"
        self.line = dict(with_trace_id(None, "", {}))
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(tracing: FakeTracing, *traceparents: bytes, app: App, method: str = "POST") -> None:
    headers = [(b"traceparent", value) for value in traceparents]
    scope = {"type": "http", "method": method, "path": "/imports/1/retry", "headers": headers}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await tracing.requests(app)(scope, None, send)
    assert len(sent) == 2
    assert not get_current_span().get_span_context().is_valid


async def test_a_caller_s_trace_is_continued() -> None:
    tracing, app = FakeTracing(service="api"), App()
    await ask(tracing, CALLER, app=app)
    [span] = tracing.spans()
    assert span.name == "POST /imports/{import_id}/retry"
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/imports/{import_id}/retry",
        "http.response.status_code": 202,
        "url.path": "/imports/1/retry",
    }
    assert app.line == {"trace_id": TRACE, "span_id": f"{context_of(span).span_id:016x}"}


@pytest.mark.parametrize("given", [(), (b"garbage",), (CALLER, CALLER), (CALLER * 100,)])
async def test_without_one_a_trace_begins(given: tuple[bytes, ...]) -> None:
    tracing = FakeTracing()
    await ask(tracing, *given, app=App())
    [span] = tracing.spans()
    assert span.parent is None


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [(Sampling(ratio=0.01), False), (Sampling(ratio=0.01, parent_based=False), True)],
)
async def test_whether_a_caller_may_say_that_it_is_not_kept(sampling: Sampling, kept: bool) -> None:
    tracing, app = FakeTracing(sampling), App()
    await ask(tracing, UNKEPT, app=app)
    assert len(tracing.spans()) == kept
    assert bool(app.line) is kept


async def test_an_answer_that_blames_us_is_an_error_and_a_refusal_is_none() -> None:
    tracing = FakeTracing()
    await ask(tracing, app=App(500))
    await ask(tracing, app=App(404))
    assert [error_of(span) for span in tracing.spans()] == ["500", None]


async def test_what_only_reads_is_not_traced() -> None:
    tracing = FakeTracing()
    await ask(tracing, CALLER, app=App(), method="GET")
    assert tracing.spans() == []

"""A webhook as its spans tell it: one for each attempt, below that of the notification."""

from collections import deque

import pytest
from opentelemetry.trace import SpanKind

from services.adapters.metrics import EndpointFigures
from services.adapters.webhooks.client import Answer
from services.core.events import ImportEnded
from services.webhooks.service import EndpointDelivery, Repeats
from tests.fakes.samples import RECEIVED
from tests.fakes.tracing import FakeTracing, error_of
from tests.fakes.virtual_time import virtual_time
from tests.samples import SAMPLES

ENDPOINT = "hooks.example.org#c0ffee"


class Answering:
    """Gives these answers, one after the other."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = deque(answers)

    async def send(self, id: str, body: str) -> Answer:
        del id, body
        return self._answers.popleft()


@virtual_time
async def test_each_attempt_is_a_span_with_what_came_of_it() -> None:
    tracing, ended = FakeTracing(service="webhooks"), SAMPLES["ImportEnded"]
    assert isinstance(ended, ImportEnded)
    client = Answering(Answer(why="ConnectError"), Answer(status=503), Answer(status=204))
    delivery = EndpointDelivery(
        name=ENDPOINT,
        client=tracing.receiver(client, ENDPOINT),
        repeats=Repeats(),
        figures=EndpointFigures(),
        stop=lambda: pytest.fail("nobody is gone"),
        now=lambda: ended.at,
    )
    await tracing.handler(delivery).handle(ended, RECEIVED)
    spans = tracing.spans()
    [whole] = [span for span in spans if span.kind is SpanKind.CONSUMER]
    assert whole.parent is None, "nobody says which trace it belongs to"
    assert (whole.attributes or {})["drivestream.import.id"] == ended.import_id
    attempts = [span for span in spans if span is not whole]
    assert {span.name for span in attempts} == {"POST"}
    assert all(span.parent == whole.get_span_context() for span in attempts)
    assert [error_of(span) for span in attempts] == ["no_answer", "503", None]
    said = [span.attributes or {} for span in attempts]
    assert [each.get("http.response.status_code") for each in said] == [None, 503, 204]
    assert {each["drivestream.webhook.endpoint"] for each in said} == {ENDPOINT}

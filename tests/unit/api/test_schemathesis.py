"""Schemathesis: requests made from the OpenAPI document, with good and with bad values. The API
must answer each as the document says, and never with an error of its own."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.routes import openapi_document
from services.core.api_keys import new_key
from tests.catalog_rows import a_file, an_image, an_import, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import Api, running

EXAMPLES = 12
"""For each operation, with good values and again with bad ones."""
STREAM = "text/event-stream"
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
]
KNOWN = {"import_id": "import-0001", "google_drive_id": "file-0001"}
SECRET, KEY = new_key("schemathesis", "admin")
DOCUMENT = openapi_document()
for item in DOCUMENT["paths"].values():
    for described in item.values():
        del described["security"]  # else every bad request would be one without a key
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
FOUND: list[Any] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
OPERATIONS = {
    found.label: found for found in FOUND if STREAM not in str(found.definition.raw["responses"])
}
BOUNDED = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,  # the same requests in every run
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Running:
    """The API in memory, in an event loop that runs only while it is asked."""

    api: Api
    runner: asyncio.Runner
    answers: Counter[int] = field(default_factory=Counter)

    def check(self, case: Any, known: bool) -> None:
        for name in KNOWN.keys() & (case.path_parameters or {}).keys() if known else ():
            case.path_parameters[name] = KNOWN[name]
        sent = case.as_transport_kwargs(base_url="http://localhost:3000")
        sent.pop("cookies", None)
        if isinstance(sent.get("data"), str | bytes):
            sent["content"] = sent.pop("data")
        sent["headers"] = {**sent["headers"], "Authorization": f"Bearer {SECRET}"}
        answer = self.runner.run(self.api.client.request(**sent))
        self.answers[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        log, catalog = FakeLog(), FakeCatalog()
        catalog.fill(
            rows(imports=[an_import(1)], images=[an_image(1)], files=[a_file(1), a_file(2)])
        )
        publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
        env = {"API_KEYS": KEY.setting()}
        api = runner.run(stack.enter_async_context(running(log, catalog, publisher, env=env)))
        runner.run(api.settled())
        yield Running(api, runner)
        runner.run(stack.aclose())


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_request_is_answered_as_the_document_says(server: Running, label: str) -> None:
    operation = OPERATIONS[label]
    before = server.answers.total()
    modes = [GenerationMode.POSITIVE]
    raw = operation.definition.raw
    # Any text is a good id.
    if "requestBody" in raw or any(each["in"] != "path" for each in raw.get("parameters", ())):
        modes.append(GenerationMode.NEGATIVE)
    for mode in modes:

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
        def answers(case: Any, known: bool) -> None:
            server.check(case, known)

        answers()
    assert server.answers.total() > before

"""The OpenAPI document says what the api does, and its page needs nothing from elsewhere."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from litestar.routes import HTTPRoute
from msgspec import Struct

from services.api.replay_plans import PlanRequest, Selected
from services.api.replay_start import RateRequest, StartRequest
from services.api.retry import RetryBody
from services.api.routes import routes
from tests.unit.api.conftest import Api

PATHS = {
    "/import/google-drive": {"post"},
    "/imports/preview": {"post"},
    "/imports": {"get"},
    "/events": {"get"},
    "/imports/{import_id}/events": {"get"},
    "/imports/{import_id}": {"get"},
    "/imports/{import_id}/folders": {"get"},
    "/imports/{import_id}/files": {"get"},
    "/imports/{import_id}/pause": {"post"},
    "/imports/{import_id}/resume": {"post"},
    "/imports/{import_id}/cancel": {"post"},
    "/imports/{import_id}/retry": {"post"},
    "/replays/plan": {"post"},
    "/replays": {"get", "post"},
    "/replays/{replay_id}": {"get", "patch"},
    "/replays/{replay_id}/pause": {"post"},
    "/replays/{replay_id}/resume": {"post"},
    "/replays/{replay_id}/cancel": {"post"},
    "/dead-letters": {"get"},
    "/topics/{name}/events": {"get"},
    "/imports/{import_id}/files/{google_drive_id}": {"get"},
    "/images": {"get"},
    "/images/sections": {"get"},
    "/images/{google_drive_id}": {"get"},
    "/images/{google_drive_id}/content": {"get"},
    "/images/{google_drive_id}/thumbnail": {"get"},
    "/imports/{import_id}/manifest.csv": {"get"},
    "/imports/{import_id}/SHA256SUMS": {"get"},
    "/system": {"get"},
    "/health/live": {"get"},
    "/health/ready": {"get"},
    "/access-tokens": {"post"},
}


async def document(api: Api) -> Mapping[str, Any]:
    answer = await api.client.get("/schema/openapi.json")
    assert answer.status_code == 200
    found: Mapping[str, Any] = answer.json()
    return found


def operations(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


async def test_the_document_has_every_path(api: Api) -> None:
    schema = await document(api)
    assert {path: set(item) for path, item in schema["paths"].items()} == PATHS


async def test_every_field_of_a_body_is_described(api: Api) -> None:
    schema = await document(api)

    def fields(path: str, method: str = "post") -> Mapping[str, Any]:
        body = schema["paths"][path][method]["requestBody"]["content"]["application/json"]
        properties: Mapping[str, Any] = body["schema"]["properties"]
        return properties

    def named(kind: type[Struct]) -> set[str]:
        return set(kind.__struct_fields__)

    assert set(fields("/imports/{import_id}/retry")) == named(RetryBody)
    assert set(fields("/replays/plan")) == named(PlanRequest)
    assert set(fields("/replays/plan")["select"]["properties"]) == named(Selected)
    assert set(fields("/replays")) == named(StartRequest)
    assert set(fields("/replays/{replay_id}", "patch")) == named(RateRequest)


async def test_every_pattern_is_one_that_javascript_knows(api: Api) -> None:
    """Python's anchors are letters to others: no value would match."""
    text = (await api.client.get("/schema/openapi.json")).text
    assert '"pattern"' in text
    assert not re.findall(r'"pattern": *"[^"]*\\\\[AZz]', text)


async def test_every_error_is_declared_as_a_problem(api: Api) -> None:
    for name, operation in operations(await document(api)):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and "/health/" not in name:
                assert list(response["content"]) == ["application/problem+json"], (name, status)


async def test_the_start_of_an_import_declares_its_body_and_its_key(api: Api) -> None:
    operation = (await document(api))["paths"]["/import/google-drive"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["folderUrl"]
    assert [p["name"] for p in operation["parameters"]] == ["Idempotency-Key"]
    assert {"202", "400", "409", "413", "415", "422", "500"} <= set(operation["responses"])


async def test_controls_declare_what_they_may_answer(api: Api) -> None:
    paths = (await document(api))["paths"]
    for word in ("pause", "resume", "cancel"):
        operation = paths[f"/imports/{{import_id}}/{word}"]["post"]
        assert {"202", "403", "404", "409", "503"} <= set(operation["responses"])
        assert "requestBody" not in operation
    retry = paths["/imports/{import_id}/retry"]["post"]
    assert {"202", "400", "404", "409", "503"} <= set(retry["responses"])
    body = retry["requestBody"]
    assert not body["required"]
    properties = body["content"]["application/json"]["schema"]["properties"]
    assert set(properties) == {"reason", "files", "folders"}


async def test_parameters_have_the_names_that_are_used(api: Api) -> None:
    paths = (await document(api))["paths"]
    images = {p["name"] for p in paths["/images"]["get"]["parameters"]}
    filters = {"import", "folder", "below", "name", "type", "min_size", "max_size"}
    filters |= {"since", "until"}
    assert images == {"limit", "cursor", "order", "count"} | filters
    files = {p["name"] for p in paths["/imports/{import_id}/files"]["get"]["parameters"]}
    assert files == {"import_id", "state", "reason", "limit", "cursor"}


async def test_what_is_shown_of_an_import_is_declared(api: Api) -> None:
    schemas = (await document(api))["components"]["schemas"]
    assert {"name", "waiting_for", "limited_by", "parked"} <= set(
        schemas["ImportView"]["properties"]
    )
    assert set(schemas["Waiting"]["properties"]) == {"reason", "message", "until"}
    assert {"parked", "failed_folders"} <= set(schemas["ImportReport"]["properties"])
    assert set(schemas["Parked"]["properties"]) == {"files", "reason", "after", "how"}
    fields = {"folder_id", "path", "reason", "message", "failed_at"}
    assert set(schemas["FailedFolder"]["properties"]) == fields


async def test_names_of_operations_are_for_clients(api: Api) -> None:
    names = [operation["operationId"] for _, operation in operations(await document(api))]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+[A-Za-z]*", name) for name in names)


async def test_the_page_works_offline(api: Api) -> None:
    answer = await api.client.get("/schema")
    assert answer.headers["content-type"].startswith("text/html")
    page = answer.text
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    for path in PATHS:
        assert path in page


def test_no_dependency_of_a_route_is_a_task_of_its_own() -> None:
    handlers = [
        model
        for route in routes().routes
        if isinstance(route, HTTPRoute)
        for _, model in route.route_handler_map.values()
    ]
    assert sum(len(model.dependency_batches) for model in handlers) > 50
    assert {len(batch) for model in handlers for batch in model.dependency_batches} == {1}

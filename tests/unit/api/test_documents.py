"""The committed OpenAPI document and Postman collection, and what every route declares."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from docs.generate import api_documents
from services.api.document import KEY, TOKEN
from services.api.problems import KINDS

DOCS = Path(__file__).resolve().parents[3] / "docs"
OPENAPI: dict[str, Any] = json.loads(api_documents()["openapi.json"])
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in OPENAPI["paths"].items()
    for method, operation in item.items()
}


@pytest.mark.parametrize("name", api_documents())
def test_the_document_in_the_repository_is_the_one_that_the_code_makes(name: str) -> None:
    message = "run: python -m docs.generate"
    assert (DOCS / name).read_text(encoding="utf-8") == api_documents()[name], message


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_which_key_it_needs_and_what_it_answers_without(name: str) -> None:
    operation = OPERATIONS[name]
    answers = operation["responses"]
    assert {"414", "421", "429", "500"} <= set(answers)
    if "/health/" in name:
        assert operation["security"] == []
        return
    scope = re.search(r"Scope: `(read|import|admin)`\.$", operation["description"])
    assert scope
    assert {"401", "403"} <= set(answers)
    taken = {scheme for needed in operation["security"] for scheme in needed}
    reads = scope[1] == "read" and name.startswith("GET")
    assert taken == ({KEY, TOKEN} if reads else {KEY})
    assert taken <= set(OPENAPI["components"]["securitySchemes"])


def test_every_code_stands_at_its_status() -> None:
    for name, operation in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            if "application/problem+json" not in answer.get("content", {}):
                continue
            codes = re.findall(r"`(\w+)`: ", answer["description"])
            assert codes, (name, status)
            assert len(codes) == len(set(codes)), (name, status)
            assert {KINDS[code].status for code in codes} == {int(status)}, name


def test_the_collection_has_every_operation() -> None:
    collection = json.loads(api_documents()["postman.json"])
    known = {pair["key"] for pair in collection["variable"]}
    found = set()
    for folder in collection["item"]:
        for item in folder["item"]:
            request = item["request"]
            raw = request["url"]["raw"]
            assert set(re.findall(r"\{\{(\w+)\}\}", raw)) <= known
            found.add(f"{request['method']} {raw.removeprefix('{{baseUrl}}')}".replace("{{", "{"))
            if "body" in request:
                json.loads(request["body"]["raw"])
    assert {name.replace("}}", "}") for name in found} == set(OPERATIONS)
    assert [pair["value"] for pair in collection["variable"] if pair["key"] == "apiKey"] == [""]

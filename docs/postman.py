"""A Postman collection (v2.1), made from the OpenAPI document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE_URL = "http://127.0.0.1:3000"
Document = Mapping[str, Any]


def postman_collection(openapi: Document) -> dict[str, object]:
    """A folder for each first part of a path. Its variables are the API's URL, a key, and the ids
    that paths contain."""
    folders: dict[str, list[object]] = {}
    names: set[str] = set()
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            names |= {each["name"] for each in _parameters(operation, "path")}
            request = _request(path, method, operation)
            folders.setdefault(path.split("/")[1], []).append(
                {"name": operation["summary"], "request": request}
            )
    variables = {"baseUrl": BASE_URL, "apiKey": "", **dict.fromkeys(sorted(names), "")}
    return {
        "info": {
            "name": openapi["info"]["title"],
            "description": openapi["info"]["description"],
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [_pair("token", "{{apiKey}}")]},
        "variable": [_pair(name, value) for name, value in variables.items()],
        "item": [{"name": name, "item": items} for name, items in sorted(folders.items())],
    }


def _request(path: str, method: str, operation: Document) -> dict[str, object]:
    headers = [_optional(each) for each in _parameters(operation, "header")]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    request: dict[str, object] = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": headers,
        "url": _url(path, operation),
    }
    if body is not None:
        headers.insert(0, _pair("Content-Type", "application/json"))
        (example,) = body["schema"]["examples"]
        raw = json.dumps(example, indent=2, ensure_ascii=False)
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    if operation.get("security") == []:
        request["auth"] = {"type": "noauth"}
    return request


def _url(path: str, operation: Document) -> dict[str, object]:
    for each in _parameters(operation, "path"):
        path = path.replace(f"{{{each['name']}}}", f"{{{{{each['name']}}}}}")
    url: dict[str, object] = {
        "raw": f"{{{{baseUrl}}}}{path}",
        "host": ["{{baseUrl}}"],
        "path": path.removeprefix("/").split("/"),
    }
    if query := [_optional(each) for each in _parameters(operation, "query")]:
        url["query"] = query
    return url


def _parameters(operation: Document, place: str) -> Iterator[Document]:
    return (each for each in operation.get("parameters", ()) if each["in"] == place)


def _optional(parameter: Document) -> dict[str, object]:
    """Left out until somebody ticks it, since no value is good for everyone."""
    value = str(parameter["schema"].get("default", ""))
    pair = _pair(parameter["name"], value)
    return {**pair, "description": parameter.get("description", ""), "disabled": True}


def _pair(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": value, "type": "string"}

"""The schemas of Kubernetes' own resources, which refuse fields that do not exist."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

SCHEMAS = files("kubernetes_validate") / "kubernetes-json-schema"
OLDEST, NEWEST = "1.30", "1.37"
"""Versions of Kubernetes. `preStop.sleep` needs 1.30."""


@cache
def _read(version: str, name: str) -> dict[str, Any]:
    path = SCHEMAS / f"v{version}.0-local-strict" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@cache
def validator(version: str, kind: str, api_version: str) -> Validator:
    """Raises `FileNotFoundError` for a kind that this version does not have."""
    group, _, number = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.split(".")[0], number)))
    registry: Registry[Any] = Registry().with_resources(
        [(each["$id"], Resource.from_contents(each)) for each in [_read(version, "_definitions")]]
    )
    return Draft202012Validator(_read(version, name), registry=registry)


def faults(resource: dict[str, Any], version: str) -> list[str]:
    """Sentences; none if the resource is valid."""
    schema = validator(version, resource["kind"], resource["apiVersion"])
    return [f"{error.json_path}: {error.message}" for error in schema.iter_errors(resource)]

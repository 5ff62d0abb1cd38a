"""Reads the manifests for Kubernetes, and puts them together as kustomize does, in what they use.

`kustomize build` gives the same, but is no part of the environment of the tests.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[3] / "deploy/kubernetes"
OVERLAYS = ("small", "production")
COMPONENTS = ("keda", "webhooks", "service-account")
PODS = ("Deployment", "Job")
Resource = dict[str, Any]


class Image(msgspec.Struct, forbid_unknown_fields=True):
    """Where an image comes from."""

    name: str
    newName: str
    newTag: str


class Replicas(msgspec.Struct, forbid_unknown_fields=True):
    """How many pods a deployment has."""

    name: str
    count: int


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """A config map that is generated, or what an overlay changes of one."""

    name: str
    envs: list[str] = []
    literals: list[str] = []
    behavior: str = "create"


class Target(msgspec.Struct, forbid_unknown_fields=True):
    """What a patch applies to."""

    kind: str = ""
    name: str = ""
    labelSelector: str = ""


class Patch(msgspec.Struct, forbid_unknown_fields=True):
    """A file with a strategic merge, or with a list of JSON patch operations."""

    path: str
    target: Target | None = None


class Kustomization(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of a kustomization that are used here; an unknown one is a fault."""

    apiVersion: str
    kind: str
    namespace: str = ""
    resources: list[str] = []
    components: list[str] = []
    images: list[Image] = []
    replicas: list[Replicas] = []
    configMapGenerator: list[Group] = []
    patches: list[Patch] = []


@dataclass
class Built:
    """What a folder gives: resources, and the settings of each config map."""

    resources: list[Resource] = field(default_factory=list)
    config: dict[str, dict[str, str]] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> Mapping[str, Resource]:
        """By name."""
        found = [each for each in self.resources if each["kind"] in kinds]
        named = {each["metadata"]["name"]: each for each in found}
        assert len(named) == len(found), "two resources of one name"
        return named


def documents(path: Path) -> list[Resource]:
    """All documents of a file."""
    return [msgspec.yaml.decode(part) for part in path.read_text().split("\n---\n")]


def kustomization(folder: Path) -> Kustomization:
    """The folder's own, refused if it has a field that this module does not know."""
    text = (folder / "kustomization.yaml").read_text()
    return msgspec.yaml.decode(text, type=Kustomization)


def build(name: str, *components: str) -> Built:
    """An overlay (or the base) as `kubectl apply -k` would send it, with further components."""
    built = Built()
    _add(ROOT / name, built)
    for component in components:
        _add(ROOT / "components" / component, built)
    return built


def _add(folder: Path, built: Built) -> None:
    """Resources first, then components, then what the folder changes of both."""
    wanted = kustomization(folder)
    for resource in wanted.resources:
        path = folder / resource
        if path.is_dir():
            _add(path, built)
        else:
            built.resources += documents(path)
    for component in wanted.components:
        _add(folder / component, built)
    for group in wanted.configMapGenerator:
        _configure(folder, group, built.config)
    for patch in wanted.patches:
        _patch(folder, patch, built.resources)
    for each in wanted.replicas:
        built.of_kind("Deployment")[each.name]["spec"]["replicas"] = each.count
    for pod in built.of_kind(*PODS).values():
        _set_images(container(pod), wanted.images)


def _configure(folder: Path, group: Group, config: dict[str, dict[str, str]]) -> None:
    assert (group.name in config) == (group.behavior == "merge"), group.name
    lines = [line for env in group.envs for line in (folder / env).read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")] + group.literals
    for line in lines:
        name, _, value = line.partition("=")
        config.setdefault(group.name, {})[name] = value


def _patch(folder: Path, patch: Patch, resources: list[Resource]) -> None:
    [content] = documents(folder / patch.path)
    target = patch.target or Target(content["kind"], content["metadata"]["name"])
    chosen = [each for each in resources if _matches(each, target)]
    assert chosen, f"{patch.path} applies to nothing"
    for resource in chosen:
        if isinstance(content, list):
            for operation in content:
                _apply(operation, resource)
        else:
            _merge(resource["spec"], content["spec"])


def _matches(resource: Resource, target: Target) -> bool:
    metadata = resource["metadata"]
    wanted = dict([target.labelSelector.split("=")]) if target.labelSelector else {}
    return (
        target.kind in ("", resource["kind"])
        and target.name in ("", metadata["name"])
        and wanted.items() <= metadata.get("labels", {}).items()
    )


def _merge(into: Resource, patch: Resource) -> None:
    """A strategic merge: lists of named things by name, everything else replaced."""
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif isinstance(value, list) and all("name" in each for each in value):
            by_name = {each["name"]: each for each in into[key]}
            for each in value:
                _merge(by_name[each["name"]], each)  # none of ours adds one
        else:
            into[key] = copy.deepcopy(value)


def _apply(operation: Resource, resource: Resource) -> None:
    """A JSON patch's `add`, the only one in use."""
    assert operation["op"] == "add"
    *parents, last = operation["path"].split("/")[1:]
    at: Any = resource
    for step in parents:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if last == "-":
        at.append(copy.deepcopy(operation["value"]))
    else:
        assert last not in at, f"{operation['path']} is there already"
        at[last] = copy.deepcopy(operation["value"])


def _set_images(of: Resource, images: list[Image]) -> None:
    for image in images:
        if of["image"].split(":")[0] == image.name:
            of["image"] = f"{image.newName}:{image.newTag}"


def pod_spec(resource: Resource) -> Resource:
    """Of a deployment or a job."""
    spec: Resource = resource["spec"]["template"]["spec"]
    return spec


def container(resource: Resource) -> Resource:
    """The only one of its pod."""
    [only] = pod_spec(resource)["containers"]
    return only  # type: ignore[no-any-return]


def secrets() -> Mapping[str, Mapping[str, str]]:
    """The example's secrets by name."""
    found = documents(ROOT / "secrets.example.yaml")
    return {each["metadata"]["name"]: each["stringData"] for each in found}


def environment(resource: Resource, config: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What the container gets, with the example's secrets."""
    of, env = container(resource), dict[str, str]()
    for source in of.get("envFrom", []):
        if "configMapRef" in source:
            env.update(config[source["configMapRef"]["name"]])
        else:
            env.update(secrets()[source["secretRef"]["name"]])
    env.update((each["name"], each["value"]) for each in of.get("env", []))
    return env


def files_in_use() -> set[Path]:
    """Every file that a kustomization names, and those that name them."""
    found: set[Path] = set()
    for path in ROOT.rglob("kustomization.yaml"):
        wanted, folder = kustomization(path.parent), path.parent
        envs = [env for group in wanted.configMapGenerator for env in group.envs]
        patches = [patch.path for patch in wanted.patches]
        named = [folder / name for name in (*wanted.resources, *envs, *patches)]
        found |= {path, *(each for each in named if each.is_file())}
    return found

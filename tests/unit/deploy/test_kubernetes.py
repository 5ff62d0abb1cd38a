"""The manifests for Kubernetes are valid, and agree with the services and with compose.yaml."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from services.core.settings import Reader
from tests.unit import test_compose as compose
from tests.unit.deploy import manifests
from tests.unit.deploy.left_out import LEFT_OUT
from tests.unit.deploy.manifests import PODS, Built, Resource, container, pod_spec
from tests.unit.deploy.schemas import NEWEST, OLDEST, faults

CUSTOM = ("keda.sh/v1alpha1",)
"""Of kinds that Kubernetes itself does not have."""
SERVICES = [*compose.READERS, "web"]


@cache
def whole() -> Built:
    """Production with every component, so with every service."""
    return manifests.build("overlays/production", "service-account")


def every_build() -> Iterator[Built]:
    yield manifests.build("base")
    for overlay in manifests.OVERLAYS:
        yield manifests.build(f"overlays/{overlay}")
    yield whole()


@cache
def settings_read(service: str) -> frozenset[str]:
    """Every setting that the service asks for."""
    env = compose.Recorded({})
    compose.READERS[service](Reader(env))
    return frozenset(env.read)


def pods() -> dict[str, Resource]:
    return dict(whole().of_kind(*PODS))


def test_every_file_is_in_use() -> None:
    assert manifests.files_in_use() | {manifests.ROOT / "secrets.example.yaml"} == {
        path for path in manifests.ROOT.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_resource_is_valid(version: str) -> None:
    for built in every_build():
        for resource in built.resources:
            if resource["apiVersion"] not in CUSTOM:
                name = f"{resource['kind']} {resource['metadata']['name']}"
                assert faults(resource, version) == [], name


def test_a_field_that_does_not_exist_is_noticed() -> None:
    [resource] = manifests.documents(manifests.ROOT / "base/indexer.yaml")
    container(resource)["livenessprobe"] = container(resource).pop("livenessProbe")
    assert len(faults(resource, NEWEST)) == 1


def test_overlays_put_everything_into_the_namespace_of_the_base() -> None:
    base = manifests.kustomization(manifests.ROOT / "base").namespace
    [namespace] = manifests.documents(manifests.ROOT / "base/namespace.yaml")
    assert namespace["metadata"]["name"] == base
    for overlay in manifests.OVERLAYS:
        found = manifests.kustomization(manifests.ROOT / "overlays" / overlay)
        assert found.namespace == base


def test_every_service_of_compose_runs() -> None:
    others = {*compose.SERVERS, *compose.WATCHERS}
    assert set(pods()) == set(SERVICES) == compose.services().keys() - others
    for name in compose.READERS:
        assert container(pods()[name])["command"] == compose.services()[name].command


@pytest.mark.parametrize("name", compose.READERS)
def test_a_service_gets_exactly_the_settings_that_it_reads(name: str) -> None:
    """A setting that is missing here belongs into base/config or into left_out.py."""
    given = manifests.environment(manifests.build("base", "webhooks").of_kind(*PODS)[name], base())
    assert set(given) == settings_read(name) - LEFT_OUT.keys()


def base() -> dict[str, dict[str, str]]:
    return manifests.build("base").config


def test_nothing_is_left_out_that_no_service_reads() -> None:
    assert LEFT_OUT.keys() <= {name for each in compose.READERS for name in settings_read(each)}


@pytest.mark.parametrize("name", compose.READERS)
def test_no_service_refuses_its_settings(name: str, tmp_path: Path) -> None:
    account = tmp_path / "key.json"
    account.write_text("{}")
    real = {
        "DATABASE_URL": "postgresql://user:secret@host:5432/database?sslmode=require",
        "API_KEYS": f"ci:import:{'0' * 64}",
        "DATABASE_READ_URL": "postgresql://user:secret@replica:5432/database?sslmode=require",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",  # with the Secret kafka-login
        "WEBHOOK_SECRET": "whsec_" + "A" * 32,
        "GOOGLE_APPLICATION_CREDENTIALS": str(account),
    }
    for built in every_build():
        if name in built.of_kind(*PODS):
            env = manifests.environment(built.of_kind(*PODS)[name], built.config)
            reader = Reader({key: real.get(key, value) for key, value in env.items()})
            compose.READERS[name](reader)
            assert reader.faults == []


def test_secrets_are_in_the_example_only_and_the_example_is_applied_by_nobody() -> None:
    secret = {name for values in manifests.secrets().values() for name in values}
    for built in every_build():
        assert not secret & {name for values in built.config.values() for name in values}
        assert not built.of_kind("Secret")
        for pod in built.of_kind(*PODS).values():
            assert not secret & {each["name"] for each in container(pod).get("env", [])}
    for values in manifests.secrets().values():
        for value in values.values():
            assert re.search(r"REPLACE|HOST|NAME|^{}$", value), "a value that may be a real one"


def test_every_reference_to_settings_and_secrets_leads_somewhere() -> None:
    for built in every_build():
        used: set[str] = set()
        for pod in built.of_kind(*PODS).values():
            for source in container(pod).get("envFrom", []):
                kind, reference = next(iter(source.items()))
                known = built.config if kind == "configMapRef" else manifests.secrets()
                assert reference["name"] in known
                used.add(reference["name"])
            for volume in pod_spec(pod)["volumes"]:
                assert "secret" not in volume or volume["secret"]["secretName"] in {
                    *manifests.secrets()
                }
        assert built.config.keys() <= used, "settings that nobody gets"


def test_images_are_those_of_compose_and_overlays_say_which() -> None:
    plain = manifests.build("base", "webhooks").of_kind(*PODS)
    for name, pod in plain.items():
        assert container(pod)["image"] == compose.services()[name].image
    own = {container(pod)["image"].split(":")[0] for pod in plain.values()}
    assert own == {compose.services()[name].image.split(":")[0] for name in ("setup", "web")}
    for overlay in manifests.OVERLAYS:
        for pod in manifests.build(f"overlays/{overlay}").of_kind(*PODS).values():
            assert container(pod)["image"].split("/")[-1].split(":")[0] in own
            assert container(pod)["image"].count("/") >= 1, "an image from nowhere"
            assert not container(pod)["image"].endswith((":dev", ":latest"))


@pytest.mark.parametrize("name", SERVICES)
def test_memory_has_a_limit_that_is_no_lower_than_in_compose(name: str) -> None:
    limits = container(pods()[name])["resources"]
    assert limits["requests"].keys() == limits["limits"].keys() == {"cpu", "memory"}
    assert _mebibytes(limits["limits"]["memory"]) >= _mebibytes(compose.services()[name].mem_limit)
    assert _mebibytes(limits["requests"]["memory"]) <= _mebibytes(limits["limits"]["memory"])


def _mebibytes(amount: Any) -> int:
    number, unit = re.fullmatch(r"(\d+)([MmGg])i?", str(amount)).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 1, "g": 1024}[unit.lower()]

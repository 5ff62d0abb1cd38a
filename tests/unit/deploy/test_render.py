"""The Blueprint for Render agrees with the services, and with compose.yaml."""

import re
from functools import cache
from typing import Any

import msgspec
import pytest

from services.adapters import process
from tests.unit import test_compose as compose
from tests.unit.deploy.test_kubernetes import settings_read

ON_RENDER = [name for name in compose.READERS if name not in ("setup", "webhooks")]
OF_RENDER = ("KAFKA_ADVERTISED_LISTENERS",)


class Setting(msgspec.Struct, forbid_unknown_fields=True):
    """A setting, or all of a group; one with `sync: false` is asked for in the dashboard."""

    key: str = ""
    value: str | None = None
    sync: bool = True
    fromGroup: str = ""
    fromService: dict[str, str] = {}
    fromDatabase: dict[str, str] = {}


class Service(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of a service that we use."""

    type: str
    name: str
    runtime: str
    plan: str
    dockerfilePath: str
    dockerContext: str
    dockerCommand: str = ""
    preDeployCommand: str = ""
    healthCheckPath: str = ""
    maxShutdownDelaySeconds: int | None = None
    disk: dict[str, Any] = {}
    envVars: list[Setting] = []


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """Settings that several services share."""

    name: str
    envVars: list[Setting]


class Blueprint(msgspec.Struct, forbid_unknown_fields=True):
    """The file, which Render looks for at the root."""

    databases: list[dict[str, Any]]
    envVarGroups: list[Group]
    services: list[Service]


@cache
def blueprint() -> Blueprint:
    return msgspec.yaml.decode(compose.text("render.yaml"), type=Blueprint)


def services() -> dict[str, Service]:
    return {each.name.removeprefix("drivestream-"): each for each in blueprint().services}


def settings(name: str) -> dict[str, Setting]:
    groups = {group.name: group.envVars for group in blueprint().envVarGroups}
    given = services()[name].envVars
    own = [each for each in given if not each.fromGroup]
    shared = [one for each in given if each.fromGroup for one in groups[each.fromGroup]]
    return {each.key: each for each in own + shared}


def test_all_services_run_but_webhooks() -> None:
    assert services().keys() == {*ON_RENDER, "web", "kafka"}
    for name in ON_RENDER:
        assert services()[name].dockerCommand == f"python -m services.{name}"
    assert services()["api"].preDeployCommand == "python -m services.setup"


def test_render_builds_the_services_because_they_are_the_last_stage() -> None:
    last = compose.stages("deploy/Dockerfile")[-1]
    assert last[0].arguments.endswith(" AS services")
    for name in ON_RENDER:
        assert services()[name].dockerfilePath == "./deploy/Dockerfile"
        assert services()[name].dockerContext == "."


@pytest.mark.parametrize("name", ON_RENDER)
def test_a_service_gets_only_settings_that_it_reads(name: str) -> None:
    read = settings_read(name) | (settings_read("setup") if name == "api" else set())
    assert settings(name).keys() <= read
    needed = {"KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "S3_BUCKET", "GOOGLE_API_KEY"}
    assert needed & read <= settings(name).keys()


@pytest.mark.parametrize("name", ON_RENDER)
def test_whoever_traces_is_told_what(name: str) -> None:
    """The endpoint is added to the group by whoever has one."""
    traces = "OTEL_EXPORTER_OTLP_ENDPOINT" in settings_read(name)
    assert traces == ("drivestream-tracing" in {e.fromGroup for e in services()[name].envVars})


def test_every_reference_leads_somewhere() -> None:
    databases = {each["name"] for each in blueprint().databases}
    types = {each.name: each.type for each in blueprint().services}
    for name in services():
        for setting in settings(name).values():
            of = setting.fromService
            if of:
                assert types[of["name"]] == of["type"]
                key = of.get("envVarKey")
                other = of["name"].removeprefix("drivestream-")
                assert key is None or key in settings(other)
            assert not setting.fromDatabase or setting.fromDatabase["name"] in databases


def test_secrets_are_asked_for_once() -> None:
    asked = [key for name in services() for key, each in settings(name).items() if not each.sync]
    assert len(asked) == len(set(asked))
    assert {"AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GOOGLE_API_KEY", "API_KEYS"} <= {*asked}
    assert all(settings("api")[key].value is None for key in asked)


@pytest.mark.parametrize("name", ON_RENDER)
def test_a_service_has_longer_to_stop_than_it_needs(name: str) -> None:
    needs = process.StopLimits.finish + process.StopLimits.clean_up + process.SPARE_SECONDS
    assert (services()[name].maxShutdownDelaySeconds or 0) > needs


def test_kafka_has_the_settings_of_compose() -> None:
    [stage] = compose.stages("deploy/render/kafka.Dockerfile")
    kafka = compose.services()["kafka"]
    assert stage[0].arguments == kafka.image
    [pairs] = [each.arguments for each in stage if each.name == "ENV"]
    found = {key: value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|\S+)', pairs)}
    wanted = compose.environment(kafka)
    assert found.keys() == wanted.keys() - {*OF_RENDER}
    ours = {"KAFKA_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"}
    assert all(found[key] == wanted[key] for key in found.keys() - ours)
    assert found["KAFKA_LOG_DIRS"].startswith(services()["kafka"].disk["mountPath"])
    assert services()["kafka"].maxShutdownDelaySeconds is None, "Render refuses it with a disk"


def test_the_page_finds_the_api() -> None:
    page = services()["web"]
    assert page.envVars[0].fromService["name"] == "drivestream-api"
    assert f"http://$2:{settings('api')['PORT'].value}" in page.dockerCommand
    assert page.healthCheckPath == "/healthz"
    assert f"listen {settings('web')['PORT'].value};" in compose.text("web/nginx.conf.template")

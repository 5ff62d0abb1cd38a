"""The Terraform for ECS parses, refers to nothing that is missing, and agrees with the services.

Terraform itself, and the schemas of its providers, are not part of the environment of the tests.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2 import SerializationOptions

from services.adapters import process
from services.core.settings import Reader
from services.core.topics import FILE_PARTITIONS, FILES_FOUND
from services.transfer.__main__ import SERVICE as TRANSFER
from tests.unit import test_compose as compose
from tests.unit.deploy.test_kubernetes import settings_read

FOLDER = Path(__file__).resolve().parents[3] / "deploy/ecs"
PLAIN = SerializationOptions(
    with_comments=False,
    explicit_blocks=False,
    strip_string_quotes=True,
    preserve_heredocs=False,
)
NAMED = ("variable", "output", "provider")
TYPED = ("resource", "data", "ephemeral")
REFERENCE = re.compile(
    r"(?<![\w.\"-])(var|local|data\.\w+|ephemeral\.\w+|aws_\w+|random_\w+)\.([a-z_]\w*)"
)
FARGATE = {
    256: range(512, 2049, 512),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
}
"""MiB of memory that Fargate offers with so many units of processor."""


@cache
def files() -> Mapping[str, dict[str, Any]]:
    """Each file as python-hcl2 reads it."""
    return {
        path.name: hcl2.loads(path.read_text(), serialization_options=PLAIN)
        for path in sorted(FOLDER.glob("*.tf"))
    }


def blocks(kind: str) -> Iterator[tuple[str, Any]]:
    """Blocks of all files, by the name with which others refer to them."""
    for file in files().values():
        for block in file.get(kind, []):
            if kind in TYPED:
                before = "" if kind == "resource" else f"{kind}."
                for type_, named in block.items():
                    yield from ((f"{before}{type_}.{name}", body) for name, body in named.items())
            elif kind == "locals":
                yield from ((f"local.{name}", value) for name, value in block.items())
            else:
                yield from block.items()


def local(name: str) -> Any:
    return dict(blocks("locals"))[f"local.{name}"]


def texts(part: object) -> Iterator[str]:
    """Every string within."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from texts(each)
    elif isinstance(part, str):
        yield part


def declared() -> list[str]:
    names = [f"var.{name}" for name, _ in blocks("variable")]
    return names + [name for kind in (*TYPED, "locals") for name, _ in blocks(kind)]


def referred() -> set[str]:
    return {
        ".".join(match)
        for file in files().values()
        for text in texts(file)
        for match in REFERENCE.findall(text)
    }


def test_every_reference_leads_to_one_declaration() -> None:
    assert len(files()) > 5
    assert len(declared()) == len(set(declared()))
    assert referred() - set(declared()) == set()


def test_a_reference_that_leads_nowhere_would_be_noticed() -> None:
    found = REFERENCE.findall("${merge(local.kafka, each.value)}-${data.aws_vpc.one.id} var.x")
    assert [".".join(match) for match in found] == ["local.kafka", "data.aws_vpc.one", "var.x"]
    assert REFERENCE.findall("${aws_lb.page.dns_name}") == [("aws_lb", "page")]


def test_every_variable_and_every_local_is_used() -> None:
    named = {name for name in declared() if name.startswith(("var.", "local.", "data."))}
    assert named - referred() == set()


def test_the_example_sets_the_variables_that_have_no_default() -> None:
    text = (FOLDER / "terraform.tfvars.example").read_text()
    example = hcl2.loads(text, serialization_options=PLAIN)
    needed = {name for name, body in blocks("variable") if "default" not in body}
    assert set(example) == needed
    assert "terraform.tfvars" in compose.text(".gitignore").splitlines()


def test_no_secret_reaches_the_state() -> None:
    assert {name.split(".")[1] for name, _ in blocks("ephemeral")} >= {"random_password"}
    arguments = {key for _, body in blocks("resource") for key in body}
    assert not arguments & {"password", "secret_string"}
    assert {"password_wo", "secret_string_wo"} <= arguments


def settings(service: str, part: str) -> dict[str, str]:
    """Names and expressions of one service's environment, or of its secrets."""
    expression = local("services")[service][part]
    groups = re.findall(r"local\.(\w+)", str(expression))
    return {name: value for group in groups for name, value in local(group).items()}


def test_every_service_has_a_task() -> None:
    assert local("services").keys() == compose.READERS.keys()
    [definition] = [b for n, b in blocks("resource") if n == "aws_ecs_task_definition.services"]
    assert (
        'command = ["python", "-m", "services.${each.key}"]' in definition["container_definitions"]
    )


@pytest.mark.parametrize("name", compose.READERS)
def test_a_service_gets_only_settings_that_it_reads_and_refuses_none(name: str) -> None:
    plain, secret = settings(name, "environment"), settings(name, "secrets")
    given = plain.keys() | secret.keys()
    assert given <= settings_read(name)
    assert not secret.keys() & plain.keys()
    reader = Reader({key: _sample(key, value) for key, value in {**plain, **secret}.items()})
    compose.READERS[name](reader)
    assert reader.faults == []


def _sample(name: str, expression: str) -> str:
    """A value such as Terraform would fill in."""
    known = {
        "DATABASE_URL": "postgresql://drivestream:secret@host:5432/drivestream?sslmode=require",
        "API_KEYS": f"ci:import:{'0' * 64}",
        "WEBHOOK_URLS": "https://hooks.example.com/x",
        "WEBHOOK_SECRET": "whsec_" + "A" * 32,
        "GOOGLE_API_KEY": "key",
        "KAFKA_BOOTSTRAP_SERVERS": "b-1.example.amazonaws.com:9094",
        "AWS_REGION": "eu-central-1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example.org:4318",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
        "S3_BUCKET": "example",
        "PORT": str(local("api_port")),
        "METRICS_PORT": str(local("metrics_port")),
    }
    return known.get(name, re.sub(r"\$\{[^}]*\}", "name.example.org", expression))


@pytest.mark.parametrize("name", compose.READERS)
def test_whoever_traces_is_told_where_to(name: str) -> None:
    given = settings(name, "environment").keys()
    assert ("OTEL_EXPORTER_OTLP_ENDPOINT" in settings_read(name)) == (
        local("tracing").keys() <= given
    )


def test_the_database_url_is_one() -> None:
    bodies = dict(blocks("resource"))
    url = bodies["aws_secretsmanager_secret_version.database_url"]["secret_string_wo"]
    database = bodies["aws_db_instance.database"]
    assert url.startswith(f"postgresql://{database['username']}:${{ephemeral.")
    # An endpoint is host:port.
    assert url.endswith(
        f"@${{aws_db_instance.database.endpoint}}/{database['db_name']}?sslmode=require"
    )
    password = dict(blocks("ephemeral"))["ephemeral.random_password.database"]
    assert password["special"] is False, "it stands in a URL"


@pytest.mark.parametrize("name", compose.READERS)
def test_a_task_has_a_size_that_fargate_offers_and_compose_does_not_exceed(name: str) -> None:
    task = local("services")[name]
    assert task["memory"] in FARGATE[task["cpu"]]
    number, unit = re.fullmatch(r"(\d+)([mg])", compose.services()[name].mem_limit).groups()  # type: ignore[union-attr]
    assert task["memory"] >= int(number) * {"m": 1, "g": 1024}[unit]


def test_only_who_uses_the_store_has_rights_there() -> None:
    for name, task in local("services").items():
        role = {"setup": "setup", "api": "store", "transfer": "store"}.get(name)
        assert task["role"] == (role and f"${{aws_iam_role.{role}.arn}}")
        assert (role is not None) == ("S3_BUCKET" in settings_read(name))


def test_a_task_has_longer_to_stop_than_its_service_needs() -> None:
    definition = dict(blocks("resource"))["aws_ecs_task_definition.services"]
    [seconds] = re.findall(r"stopTimeout = (\d+)", definition["container_definitions"])
    needs = process.StopLimits.finish + process.StopLimits.clean_up + process.SPARE_SECONDS
    assert needs < int(seconds) <= 120  # Fargate's limit


def test_the_transfer_scales_by_its_own_lag_up_to_the_partitions() -> None:
    lag = local("lag_of_transfer")
    assert (lag["Topic"], lag["Consumer Group"]) == (FILES_FOUND.name, TRANSFER)
    most = dict(blocks("variable"))["most_transfers"]
    assert most["default"] == FILE_PARTITIONS
    assert f"<= {FILE_PARTITIONS}" in most["validation"][0]["condition"]


def test_kafka_keeps_offsets_as_long_as_in_compose() -> None:
    cluster = dict(blocks("resource"))["aws_msk_configuration.kafka"]["server_properties"]
    kafka = compose.environment(compose.services()["kafka"])
    assert f"offsets.retention.minutes={kafka['KAFKA_OFFSETS_RETENTION_MINUTES']}" in cluster
    assert "auto.create.topics.enable=false" in cluster


def test_ports_are_those_of_the_services() -> None:
    assert f"listen {local('web_port')};" in compose.text("web/nginx.conf.template")
    assert str(local("api_port")) == compose.environment(compose.services()["api"])["PORT"]
    bodies = dict(blocks("resource"))
    assert bodies["aws_lb_target_group.web"]["health_check"][0]["path"] == "/healthz"
    for server, port in (("kafka", 9094), ("database", 5432)):
        rule = bodies[f"aws_vpc_security_group_ingress_rule.{server}"]
        assert rule["from_port"] == rule["to_port"] == port
        assert rule["referenced_security_group_id"] == "${aws_security_group.services.id}"

"""Pods on Kubernetes: few rights, probes that exist, time to stop, and a network that is closed."""

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.adapters import process
from services.api import health
from services.core.topics import FILE_PARTITIONS, FILES_FOUND
from services.transfer.__main__ import SERVICE as TRANSFER
from tests.unit import test_compose as compose
from tests.unit.deploy import manifests
from tests.unit.deploy.manifests import PODS, Resource, container, pod_spec
from tests.unit.deploy.test_kubernetes import SERVICES, pods, settings_read, whole

DEPLOYMENTS = [name for name in SERVICES if name != "setup"]
WORKERS = [name for name in DEPLOYMENTS if name not in ("api", "web")]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def settings(name: str) -> dict[str, str]:
    return manifests.environment(pods()[name], whole().config)


def only_port(name: str) -> int:
    [port] = container(pods()[name])["ports"]
    number: int = port["containerPort"]
    return number


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_has_few_rights(name: str) -> None:
    spec, of = pod_spec(pods()[name]), container(pods()[name])
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec["automountServiceAccountToken"]
    assert not spec["enableServiceLinks"], "variables of services resemble settings"
    assert of["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    accounts = whole().of_kind("ServiceAccount")
    assert spec["serviceAccountName"] in accounts
    uses_store = "S3_BUCKET" in (settings_read(name) if name in compose.READERS else ())
    assert (spec["serviceAccountName"] == "drivestream-store") == uses_store


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_writes_only_to_volumes_of_bounded_size(name: str) -> None:
    spec = pod_spec(pods()[name])
    mounted = {each["name"]: each["mountPath"] for each in container(pods()[name])["volumeMounts"]}
    assert mounted["tmp"] == "/tmp"
    assert mounted.keys() == {volume["name"] for volume in spec["volumes"]}
    for volume in spec["volumes"]:
        assert "secret" in volume or volume["emptyDir"]["sizeLimit"]


def test_the_users_are_those_of_the_images() -> None:
    [created] = re.findall(r"useradd .*--uid (\d+)", compose.text("deploy/Dockerfile"))
    users = {name: pod_spec(pods()[name])["securityContext"]["runAsUser"] for name in SERVICES}
    assert users.pop("web") == 101  # of nginx-unprivileged
    assert set(users.values()) == {int(created)}


def test_nginx_can_write_what_it_makes_when_it_starts() -> None:
    mounted = [each["mountPath"] for each in container(pods()["web"])["volumeMounts"]]
    assert "/etc/nginx/conf.d" in mounted
    assert "/etc/nginx/templates/" in compose.text("web/Dockerfile")


def test_the_api_starts_when_it_is_ready_and_stays_while_it_lives() -> None:
    paths = {probe: container(pods()["api"])[probe]["httpGet"]["path"] for probe in PROBES}
    live, ready = health.get_liveness.paths, health.get_readiness.paths
    assert {paths["startupProbe"]} == ready
    assert {paths["livenessProbe"]} == {paths["readinessProbe"]} == live
    assert only_port("api") == int(settings("api")["PORT"])


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_alive_where_it_serves_its_metrics(name: str) -> None:
    probes = [container(pods()[name])[probe] for probe in PROBES[:2]]
    assert all(probe["httpGet"] == {"path": "/health/live", "port": "metrics"} for probe in probes)
    assert only_port(name) == int(settings(name)["METRICS_PORT"])
    assert settings(name)["METRICS_HOST"] == "0.0.0.0"
    annotations = pods()[name]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(only_port(name))
    # Unready while it waits, so that the pods before it stay until it can work (decisions/0060).
    ready = container(pods()[name])["readinessProbe"]
    assert ready["httpGet"] == {"path": "/health/ready", "port": "metrics"}


def test_webhooks_serve_their_health_because_they_have_receivers() -> None:
    optional = {
        source["secretRef"]["name"]: source["secretRef"].get("optional", False)
        for source in container(pods()["webhooks"])["envFrom"]
        if "secretRef" in source
    }
    assert optional == {"kafka-login": True, "webhooks": False}
    assert "webhooks" not in manifests.build("base").of_kind("Deployment")


def test_the_page_is_probed_where_nginx_answers() -> None:
    for probe in PROBES[1:]:
        path = container(pods()["web"])[probe]["httpGet"]["path"]
        assert f"location = {path} " in compose.text("web/nginx.conf.template")
    assert f"listen {only_port('web')};" in compose.text("web/nginx.conf.template")


@pytest.mark.parametrize("name", [*WORKERS, "api"])
def test_a_pod_has_longer_to_stop_than_its_service_needs(name: str) -> None:
    hook = container(pods()[name]).get("lifecycle", {}).get("preStop", {})
    before = hook.get("sleep", {}).get("seconds", 0)
    needs = process.StopLimits.finish + process.StopLimits.clean_up + process.SPARE_SECONDS
    assert pod_spec(pods()[name])["terminationGracePeriodSeconds"] > before + needs


def test_each_deployment_has_a_disruption_budget_that_blocks_no_drain() -> None:
    budgets = whole().of_kind("PodDisruptionBudget")
    assert set(budgets) == set(DEPLOYMENTS)
    for name, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert budget["spec"]["selector"] == pods()[name]["spec"]["selector"]


def test_selectors_choose_their_own_pods() -> None:
    chosen = {name: pods()[name]["spec"]["selector"]["matchLabels"] for name in DEPLOYMENTS}
    for name, labels in chosen.items():
        assert pods()[name]["spec"]["template"]["metadata"]["labels"] == labels
        assert labels["app.kubernetes.io/name"] == name
    for name, service in whole().of_kind("Service").items():
        assert service["spec"]["selector"] == chosen[name]
        [port] = service["spec"]["ports"]
        assert port["targetPort"] == container(pods()[name])["ports"][0]["name"]


def test_the_transfer_scales_by_its_own_lag_up_to_the_partitions() -> None:
    [scaled] = whole().of_kind("ScaledObject").values()
    spec = scaled["spec"]
    assert spec["scaleTargetRef"] == {"name": "transfer"}
    assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] == FILE_PARTITIONS
    [trigger] = spec["triggers"]
    known = trigger["metadata"]
    assert all(isinstance(value, str) for value in known.values())
    prefix = settings("transfer")["KAFKA_TOPIC_PREFIX"]
    assert known["topic"] == prefix + FILES_FOUND.name
    assert known["consumerGroup"] == prefix + TRANSFER
    assert known["bootstrapServersFromEnv"] in settings("transfer")
    assert known["excludePersistentLag"] == known["limitToPartitionsWithLag"] == "true"
    assert int(known["version"].split(".")[0]) >= 3  # Kafka 4 refuses less than 2.1
    assert "replicas" not in pods()["transfer"]["spec"], "each apply would undo what KEDA has set"


def policy(name: str) -> Resource:
    found: Resource = whole().of_kind("NetworkPolicy")[name]["spec"]
    return found


def chosen_by(name: str) -> set[str]:
    """The services that a policy is for."""
    [expression] = policy(name)["podSelector"]["matchExpressions"]
    return set(expression["values"])


def ports_of(rules: list[dict[str, Any]]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_everything_is_closed_but_what_a_service_needs() -> None:
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policy("default-deny") == closed
    reads = {name: settings_read(name) for name in compose.READERS}
    wants = {
        "to-kafka": {name for name in reads if "KAFKA_BOOTSTRAP_SERVERS" in reads[name]},
        # The API alone reads it for more than to connect: all who read it connect.
        "to-database": {name for name in reads if "DATABASE_URL" in reads[name]},
        "to-https": {
            name for name in reads if reads[name] & {"S3_BUCKET", "DRIVE_API_URL", "WEBHOOK_URLS"}
        },
        "to-traces": {name for name in reads if "OTEL_EXPORTER_OTLP_ENDPOINT" in reads[name]},
        "metrics": {name for name in reads if "METRICS_PORT" in reads[name]},
    }
    assert {name: chosen_by(name) for name in wants} == wants


def test_the_open_ports_are_those_in_use() -> None:
    servers = settings("lister")["KAFKA_BOOTSTRAP_SERVERS"].split(",")
    assert ports_of(policy("to-kafka")["egress"]) == {int(each.split(":")[1]) for each in servers}
    database = urlsplit(manifests.secrets()["database"]["DATABASE_URL"])
    assert ports_of(policy("to-database")["egress"]) == {database.port}
    assert ports_of(policy("web-to-api")["egress"]) == {only_port("api")}
    assert ports_of(policy("api")["ingress"]) == {only_port("api")}
    assert ports_of(policy("web")["ingress"]) == {only_port("web")}
    assert ports_of(policy("metrics")["ingress"]) == {only_port("lister")}


def test_no_service_reaches_the_addresses_that_give_out_credentials() -> None:
    [rule] = policy("to-https")["egress"]
    refused = [ipaddress.ip_network(net) for to in rule["to"] for net in to["ipBlock"]["except"]]
    for address in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254"):
        assert any(ipaddress.ip_address(address) in network for network in refused)


def test_browsers_reach_page_and_api_at_one_host() -> None:
    [ingress] = whole().of_kind("Ingress").values()
    [rule] = ingress["spec"]["rules"]
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert rule["host"] in settings("api")["ALLOWED_HOSTS"].split(",")
    assert settings("api")["API_PUBLIC_URL"] == f"https://{rule['host']}/api"
    assert "location /api/ " in compose.text("web/nginx.conf.template")
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "web", "port": {"name": "http"}}


def test_nginx_finds_the_api_by_its_whole_name() -> None:
    address = urlsplit(settings("web")["API_URL"])
    namespace = manifests.kustomization(manifests.ROOT / "base").namespace
    assert address.hostname == f"api.{namespace}.svc.cluster.local"
    [port] = whole().of_kind("Service")["api"]["spec"]["ports"]
    assert address.port == port["port"]
    for built in (whole(), manifests.build("base")):
        allowed = manifests.environment(built.of_kind(*PODS)["api"], built.config)["ALLOWED_HOSTS"]
        assert address.hostname in allowed.split(",")

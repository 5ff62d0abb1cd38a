"""The Prometheus of compose.yaml reads every process, and nobody else reaches it or Grafana."""

from typing import Any

import msgspec
import pytest

from tests.unit.monitoring.checks import MONITORING, SERVICES
from tests.unit.test_compose import environment, filled

CONFIG: dict[str, Any] = msgspec.yaml.decode((MONITORING / "prometheus.yaml").read_text())


def targets() -> dict[str, int]:
    """The port of each name that is looked up."""
    found = [dns for job in CONFIG["scrape_configs"] for dns in job["dns_sd_configs"]]
    assert {dns["type"] for dns in found} == {"A"}
    return {name: dns["port"] for dns in found for name in dns["names"]}


def test_every_process_is_read_where_it_listens() -> None:
    composed = filled("compose.yaml", {}).services
    listening = {}
    for name in SERVICES:
        env = environment(composed[name])
        listening[name] = int(env["PORT"] if name == "api" else env["METRICS_PORT"])
    assert targets() == listening


def test_every_target_gets_the_labels_that_alerts_and_dashboards_use() -> None:
    for job in CONFIG["scrape_configs"]:
        relabeled = {each["target_label"]: each for each in job["relabel_configs"]}
        assert relabeled["service"]["source_labels"] == ["__meta_dns_name"]
        named = relabeled.get("job", {}).get("replacement", job["job_name"])
        assert named == "drivestream"


def test_prometheus_finds_its_files_where_compose_mounts_them() -> None:
    prometheus = filled("compose.yaml", {}).services["prometheus"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in prometheus.volumes}
    assert mounted["/etc/prometheus/prometheus.yaml"] == "./deploy/monitoring/prometheus.yaml"
    assert "--config.file=/etc/prometheus/prometheus.yaml" in prometheus.command
    assert [mounted[path] for path in CONFIG["rule_files"]] == ["./deploy/monitoring/alerts.yaml"]
    [key_file] = {
        job["authorization"]["credentials_file"]
        for job in CONFIG["scrape_configs"]
        if "authorization" in job
    }
    assert mounted[key_file] == "/dev/null"
    chosen = filled("compose.yaml", {"METRICS_API_KEY_FILE": "/home/me/key"}).services["prometheus"]
    assert f"/home/me/key:{key_file}:ro" in chosen.volumes


def test_grafana_takes_its_password_from_the_environment_and_lets_others_only_look() -> None:
    env = environment(filled("compose.yaml", {"GRAFANA_PASSWORD": "a-secret"}).services["grafana"])
    assert env["GF_SECURITY_ADMIN_PASSWORD"] == "a-secret"
    assert env["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert env["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_they_start_only_when_asked_for() -> None:
    services = msgspec.yaml.decode((MONITORING / "../../compose.yaml").read_text())["services"]
    optional = {name for name, each in services.items() if "profiles" in each}
    assert optional == {"prometheus", "grafana", "jaeger"}
    assert {tuple(services[name]["profiles"]) for name in optional} == {("monitoring",)}


@pytest.mark.parametrize(
    ("kind", "url"), [("prometheus", "http://prometheus:9090"), ("jaeger", "http://jaeger:16686")]
)
def test_grafana_asks_what_is_beside_it(kind: str, url: str) -> None:
    path = MONITORING / f"grafana/provisioning/datasources/{kind}.yaml"
    [source] = msgspec.yaml.decode(path.read_text())["datasources"]
    assert (source["type"], source["url"]) == (kind, url)

"""Every alert asks for what is there, and the runbook says what to do about it."""

import re
import shutil
import subprocess

import msgspec
import pytest

from local.cli import parser
from tests.unit.monitoring.checks import MONITORING, ROOT, SERVICES, faults, labels_of
from tests.unit.monitoring.series import OF_TARGETS
from tests.unit.test_docs import anchors

ALERTS = MONITORING / "alerts.yaml"
TESTS = ROOT / "tests/unit/monitoring/alerts.test.yaml"
RUNBOOK = ROOT / "docs/runbook.md"
STEPS = ("Sign", "Meaning", "First", "Command")
LABEL = re.compile(r"\$labels\.(\w+)")


class Alert(msgspec.Struct, rename={"name": "alert", "lasts": "for"}, forbid_unknown_fields=True):
    """One rule of the file."""

    name: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]
    lasts: str = "0s"


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """Rules that are evaluated together."""

    name: str
    rules: list[Alert]


class Rules(msgspec.Struct, forbid_unknown_fields=True):
    """A file of rules."""

    groups: list[Group]


def alerts() -> list[Alert]:
    groups = msgspec.yaml.decode(ALERTS.read_text(), type=Rules).groups
    return [rule for group in groups for rule in group.rules]


def sections() -> list[tuple[str, str]]:
    """The heading and the text of each part of the runbook that is about an alert."""
    parts = RUNBOOK.read_text().split("\n### ")[1:]
    return [(part.split("\n")[0], part.partition("\n")[2].split("\n## ")[0]) for part in parts]


each_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


@each_alert
def test_an_alert_asks_for_what_a_running_system_has(alert: Alert) -> None:
    assert faults(alert.expr) == []


@each_alert
def test_an_alert_says_what_happens_how_bad_it_is_and_where_to_read_on(alert: Alert) -> None:
    assert re.fullmatch(r"Drivestream([A-Z][a-z]+)+", alert.name)
    assert re.fullmatch(r"\d+[smh]", alert.lasts)
    assert alert.labels in ({"severity": "critical"}, {"severity": "warning"})
    assert alert.annotations.keys() == {"summary", "runbook"}
    summary = alert.annotations["summary"]
    assert summary.endswith(".")
    assert set(LABEL.findall(summary)) <= labels_of(alert.expr) | OF_TARGETS
    page, _, anchor = alert.annotations["runbook"].partition("#")
    assert ROOT / page == RUNBOOK
    assert anchor == alert.name.lower()
    assert anchor in anchors(RUNBOOK)


def test_the_runbook_has_each_alert_once_in_their_order() -> None:
    names = [alert.name for alert in alerts()]
    assert len(set(names)) == len(names)
    assert [heading for heading, _ in sections()] == names


@pytest.mark.parametrize(("heading", "text"), sections())
def test_a_section_has_a_sign_a_meaning_a_first_step_and_a_command(heading: str, text: str) -> None:
    found = re.findall(r"^- \*\*(\w+)\.\*\* (.+)", text, re.MULTILINE)
    assert tuple(step for step, _ in found) == STEPS, heading
    assert re.search(r"`[^`]+`", found[-1][1]), heading


def test_the_runbook_names_commands_and_services_that_there_are() -> None:
    text = RUNBOOK.read_text()
    commands = set(re.findall(r"^    ([a-z-]+)\b", parser().format_help(), re.MULTILINE))
    assert set(re.findall(r"`drivestream ([a-z-]+)", text)) <= commands
    services = re.findall(r"docker compose (?:restart|exec|logs --tail \d+) (\w+)", text)
    assert set(services) <= SERVICES | {"SERVICE"}


def test_there_is_a_case_in_which_each_alert_fires_and_one_in_which_it_does_not() -> None:
    cases = [
        (each["alertname"], bool(each["exp_alerts"]))
        for test in msgspec.yaml.decode(TESTS.read_text())["tests"]
        for each in test["alert_rule_test"]
    ]
    assert set(cases) == {(alert.name, fires) for alert in alerts() for fires in (True, False)}


def test_promtool_takes_the_rules_and_their_tests() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for command in (
        ["check", "rules", ALERTS],
        ["check", "config", "--syntax-only", MONITORING / "prometheus.yaml"],
        ["test", "rules", TESTS],
    ):
        argv = [promtool, *(str(word) for word in command)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

"""Every panel asks for what is there, and says what it shows."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.monitoring.checks import DASHBOARDS, MONITORING, OUTCOMES, faults, labels_of
from tests.unit.monitoring.test_alerts import alerts
from tests.unit.test_compose import filled

GRAFANA = MONITORING / "grafana"
WIDTH = 24
LEGEND = re.compile(r"\{\{(\w+)\}\}")
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
each_file = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def dashboard(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def panels(path: Path) -> list[dict[str, Any]]:
    """Without the headings of rows."""
    return [panel for panel in dashboard(path)["panels"] if panel["type"] != "row"]


def test_there_are_three_each_with_an_address_of_its_own() -> None:
    found = {path.stem: dashboard(path) for path in DASHBOARDS}
    assert found.keys() == {"alive", "doing", "wrong"}
    for name, each in found.items():
        assert each["uid"] == f"drivestream-{name}"
        assert each["title"].startswith("Drivestream: ")
        # Their links to each other are made from it.
        assert each["tags"] == each["links"][0]["tags"] == ["drivestream"]


@each_file
def test_a_panel_asks_for_what_a_running_system_has(path: Path) -> None:
    for panel in panels(path):
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert faults(target["expr"]) == [], panel["title"]
            labels = set(LEGEND.findall(target["legendFormat"]))
            assert labels <= labels_of(target["expr"]), panel["title"]
    for annotation in dashboard(path)["annotations"]["list"]:
        assert faults(annotation["expr"]) == []


@each_file
def test_a_panel_has_a_title_an_explanation_and_the_chosen_source(path: Path) -> None:
    titles = [panel["title"] for panel in panels(path)]
    assert len(set(titles)) == len(titles)
    for panel in panels(path):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == DATASOURCE
        assert panel["fieldConfig"]["defaults"], panel["title"]
    [variable] = dashboard(path)["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")


@each_file
def test_no_panel_lies_over_another(path: Path) -> None:
    every = dashboard(path)["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    cells = [
        {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        for at in (panel["gridPos"] for panel in every)
    ]
    assert all(x < WIDTH for taken in cells for x, _ in taken)
    assert not any(one & other for one, other in combinations(cells, 2))


@each_file
def test_a_number_is_of_now_and_not_the_last_of_a_process_that_is_gone(path: Path) -> None:
    """Over a range Grafana would show the last value, for as long as the range reaches back."""
    for panel in (each for each in panels(path) if each["type"] == "stat"):
        for target in panel["targets"]:
            assert (target["instant"], target["range"]) == (True, False), panel["title"]


@each_file
def test_a_coloured_number_is_not_green_when_nobody_knows_it(path: Path) -> None:
    coloured = [each for each in panels(path) if each["options"].get("colorMode") == "background"]
    assert bool(coloured) == (path.stem != "doing")
    for panel in coloured:
        [mapping] = panel["fieldConfig"]["defaults"]["mappings"]
        assert mapping["options"]["match"] == "null+nan", panel["title"]
        assert mapping["options"]["result"]["color"] == "orange", panel["title"]


@each_file
def test_what_is_set_for_one_name_is_the_name_of_something(path: Path) -> None:
    """Grafana passes over an override that matches nothing."""
    for panel in panels(path):
        legends = [target["legendFormat"] for target in panel["targets"]]
        columns = [
            name
            for each in panel.get("transformations", ())
            for old in each["options"]["indexByName"]
            for name in [each["options"]["renameByName"].get(old, old)]
        ]
        names = {*legends, *columns, *(OUTCOMES if "{{outcome}}" in legends else ())}
        matched = [each["matcher"] for each in panel["fieldConfig"]["overrides"]]
        sorted_by = [each["displayName"] for each in panel["options"].get("sortBy", ())]
        assert {matcher["id"] for matcher in matched} <= {"byName", "byType"}
        named = {each["options"] for each in matched if each["id"] == "byName"}
        assert {*named, *sorted_by} <= names, panel["title"]


def test_the_services_that_are_missing_are_those_of_the_alert() -> None:
    [first, *_] = panels(MONITORING / "grafana/dashboards/alive.json")
    [alert] = [each for each in alerts() if each.name == "DrivestreamServiceMissing"]
    [target] = first["targets"]
    assert target["expr"] == f"count({' '.join(alert.expr.split())}) or vector(0)"


def test_grafana_finds_the_files_where_compose_mounts_them() -> None:
    grafana = filled("compose.yaml", {}).services["grafana"]
    mounted = {volume.split(":")[0]: volume.split(":")[1] for volume in grafana.volumes}
    [provider] = msgspec.yaml.decode(
        (GRAFANA / "provisioning/dashboards/drivestream.yaml").read_text()
    )["providers"]
    dashboards = mounted["./deploy/monitoring/grafana/dashboards"]
    assert provider["options"]["path"] == dashboards
    assert mounted["./deploy/monitoring/grafana/provisioning"] == "/etc/grafana/provisioning"
    home = Path(str(grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]))
    assert str(home.parent) == dashboards
    assert home.name in {path.name for path in DASHBOARDS}

"""Whether a running system has what an expression asks for."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from services.core.topics import ALL
from services.monitor.__main__ import GROUPS
from tests.unit.monitoring.promql import Asked, Selector, asked
from tests.unit.monitoring.series import OF_TARGETS, served

ROOT = Path(__file__).resolve().parents[3]
MONITORING = ROOT / "deploy/monitoring"
DASHBOARDS = sorted((MONITORING / "grafana/dashboards").glob("*.json"))
REASONS = frozenset(json.loads((ROOT / "web/src/text/reasons.json").read_text()))
OUTCOMES = frozenset({"found", "stored", "unchanged", "failed"})
SERVICES = frozenset({"api", "lister", "transfer", "indexer", "monitor", "webhooks"})
VALUES: Mapping[tuple[str, str], frozenset[str]] = {
    ("", "job"): frozenset({"drivestream"}),
    ("", "service"): SERVICES,
    ("", "group"): frozenset({*GROUPS, "indexer", "monitor"}),
    ("", "topic"): frozenset(topic.name for topic in ALL),
    ("", "system"): frozenset({"drive", "store", "database"}),
    ("", "result"): frozenset({"ok", "error"}),
    ("", "alertstate"): frozenset({"pending", "firing"}),
    ("", "reason"): REASONS,
    ("drivestream_files_total", "outcome"): OUTCOMES,
    ("drivestream_file_bytes_total", "outcome"): OUTCOMES,
    ("drivestream_api_thumbnails_total", "outcome"): frozenset(
        {"kept", "drawn", "refused", "busy", "failed"}
    ),
}
"""What a label may be, of one series or of all."""


def expressions() -> Iterator[str]:
    """All that the alerts and the panels ask."""
    for group in msgspec.yaml.decode((MONITORING / "alerts.yaml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield from (target["expr"] for target in panel.get("targets", ()))


def faults(expression: str) -> list[str]:
    """What the expression asks for and nobody serves, in words; empty if all is there."""
    found = asked(expression)
    assert found.selectors, f"no series is named in {expression}"
    return list(_faults(found))


def labels_of(expression: str) -> frozenset[str]:
    """The labels that its result may have."""
    found = asked(expression)
    of_series = (served().get(each.name, frozenset()) for each in found.selectors)
    return found.grouped or frozenset().union(*of_series)


def _faults(found: Asked) -> Iterator[str]:
    known = frozenset().union(*(served().get(s.name, frozenset()) for s in found.selectors))
    for selector in found.selectors:
        if selector.name not in served():
            yield f"there is no series {selector.name}"
        yield from _of_labels(selector)
    yield from (f"no series has the label {each}" for each in sorted(found.grouped - known))


def _of_labels(selector: Selector) -> Iterator[str]:
    for label, values in selector.values.items():
        if label not in served().get(selector.name, OF_TARGETS):
            yield f"{selector.name} has no label {label}"
        allowed = VALUES.get((selector.name, label)) or VALUES.get(("", label))
        for value in sorted(values - allowed) if allowed else ():
            yield f"{selector.name} has no {label} {value}"

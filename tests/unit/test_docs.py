"""The documents agree with the code: order, links, paths, metrics and settings."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from docs.pages import decisions_page
from local.settings import PORTS, RecordingReader
from services.adapters.metrics import BuildInfo, MonitorMetrics, WebhookMetrics, WorkerMetrics
from services.adapters.work_metrics import WorkMetrics
from services.adapters.worker import WorkerSettings
from services.api import __main__ as api
from services.core.events import WorkerStatus
from services.core.flow.quota import QuotaState
from services.core.settings import NAMES, Reader
from services.indexer import __main__ as indexer
from services.monitor import __main__ as monitor
from services.setup import __main__ as setup
from services.transfer import __main__ as transfer
from services.webhooks import __main__ as webhooks
from tests.documents import DOCS, DOCUMENTS, FENCE, LIST, PAGES, ROOT
from tests.unit.test_reason_words import ENDS_A_PROCESS

READERS: Mapping[str, Callable[[Reader], object]] = {
    "api": api.Settings.read,
    "lister": WorkerSettings.read,
    "transfer": transfer.Settings.read,
    "indexer": indexer.Settings.read,
    "monitor": monitor.Settings.read,
    "webhooks": webhooks.Settings.read,
    "setup": setup.provisioners,
}
LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)#?([^)\s]*)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PYTHON_FILE = re.compile(r"`([a-z_]+/[a-z_/]+\.py)`")
COUNTED = {"counter": "_total"}
METRIC = re.compile(r"^\| `(drivestream_\w+)` \|", re.MULTILINE)


class Setting(NamedTuple):
    """A setting as the services read it, or as its document says."""

    default: str
    read_by: frozenset[str]


def anchors(path: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = HEADING.findall(path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for name, heading in LINK.findall(path.read_text()):
        target = path.parent / name if name else path
        assert target.exists(), name
        assert not heading or heading in anchors(target), f"{name}#{heading}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_page_of_the_site_links_to_nothing_outside_of_it(path: Path) -> None:
    for name, _ in LINK.findall(path.read_text()):
        assert (path.parent / name).resolve().is_relative_to(DOCS), name


def test_every_page_has_its_place_in_the_order() -> None:
    site = msgspec.yaml.decode((ROOT / "mkdocs.yml").read_text())
    assert site["not_in_nav"] == "/decisions/0*.md"  # their list leads to them
    ordered = [DOCS / name for name in _pages_of(site["nav"])]
    decisions = (DOCS / "decisions").glob("0*.md")
    assert sorted([*ordered, *decisions]) == PAGES


def _pages_of(order: object) -> Iterator[str]:
    match order:
        case str():
            yield order
        case dict():
            yield from (name for each in order.values() for name in _pages_of(each))
        case list():
            yield from (name for each in order for name in _pages_of(each))


def test_operations_name_every_reason_that_the_page_shows() -> None:
    named = re.findall(r"`([a-z_]+)`", (DOCS / "operations.md").read_text())
    shown = json.loads((ROOT / "web" / "src" / "text" / "reasons.json").read_text())
    assert shown.keys() - {*named} == set()
    assert ENDS_A_PROCESS - {*named} == set()


def test_every_decision_is_in_the_list() -> None:
    message = "run: python -m docs.generate"
    assert (DOCS / "decisions" / "README.md").read_text() == decisions_page(), message


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_lists_look_the_same_on_the_site(path: Path) -> None:
    """Its Markdown needs an empty line before a list, and four spaces within an item."""
    code, before = False, ""
    for line in path.read_text().splitlines():
        if FENCE.fullmatch(line):
            code = not code
        if LIST.match(line) and not code:
            assert not before or before.startswith((" ", "-", "*", "#")) or LIST.match(before), line
        depth = len(line) - len(line.lstrip())
        if before.strip() == "" and not code and depth:
            assert depth % 4 == 0, line
        before = line


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_file_that_is_named_exists(path: Path) -> None:
    for name in PYTHON_FILE.findall(path.read_text()):
        assert any((ROOT / folder / name).exists() for folder in (".", "services")), name


def test_every_metric_of_a_worker_is_described_and_named_by_convention() -> None:
    status = WorkerStatus(worker_id="one", service="lister", state="running", at=datetime.now(UTC))
    quota = QuotaState(share=1.0, limit=60, allowed=60, used=0, refused=0, waiting=0)
    registry = CollectorRegistry()
    registry.register(WorkerMetrics(lambda: status, lambda: quota))
    registry.register(WorkMetrics())
    registry.register(BuildInfo())
    registry.register(MonitorMetrics())
    registry.register(WebhookMetrics())
    served = {metric.name + COUNTED.get(metric.type, "") for metric in registry.collect()}
    assert served == set(described_metrics("Each lister, transfer, indexer, monitor and webhooks"))
    for metric in registry.collect():
        assert metric.documentation.endswith("."), metric.name
        assert metric.type != "histogram" or metric.name.endswith("_seconds"), metric.name
        assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket")), metric.name


def described_metrics(by: str) -> Sequence[str]:
    """The table that follows a sentence which begins so."""
    text = (ROOT / "docs/architecture.md").read_text().split("### Metrics")[1]
    return METRIC.findall(text.split(by)[1].split("\n\n")[1])


def test_every_setting_is_described_with_its_default_and_its_readers() -> None:
    described = {
        name: Setting(default.strip("`"), frozenset(READERS if who == "all" else who.split(", ")))
        for name, default, who, _ in table("Services")
    }
    assert described == settings_read()


def test_every_setting_that_misspellings_are_compared_with_is_described() -> None:
    services, machine = ({row[0] for row in table(name)} for name in ("Services", "One machine"))
    assert services | {"DATA_DIR"} == NAMES
    assert services | machine == NAMES | set(PORTS)


def settings_read() -> dict[str, Setting]:
    """What every service reads where nothing is set."""
    found: dict[str, Setting] = {}
    for service, read in READERS.items():
        reader = RecordingReader({})
        read(reader)
        for name, default in reader.asked.items():
            known = found[name].read_by if name in found else frozenset[str]()
            found[name] = Setting(_shown(default), known | {service})
    return found


def _shown(default: str | None) -> str:
    """A default as the table shows it."""
    if default is None:
        return "required"
    return default.lower() if default in ("True", "False") else default or "none"


def table(heading: str) -> Iterator[list[str]]:
    """The rows of the table under a heading of the settings' document, names without marks."""
    text = (ROOT / "docs/settings.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            name, *others = (cell.strip() for cell in line.strip("|").split(" | "))
            yield [name.strip("`"), *others]

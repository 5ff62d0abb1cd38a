"""A Prometheus that reads a running system as `deploy/monitoring` says, sixty times faster.

Its own time cannot be sped up. So a minute of our rules is a second here, an hour a minute: what an
alert looks back at, and how long something must last before it fires. Two limits are lower, too.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from local.run.processes import Process
from local.servers.server import Command
from tests.documents import ROOT
from tests.system import System, free_port, opened

MONITORING = ROOT / "deploy/monitoring"
FASTER = {"m": "s", "h": "m", "d": "h"}
LOWER = {"DrivestreamFileStuck": ("> 3600", "> 15"), "DrivestreamReaderBehind": ("> 5000", "> 100")}
"""So many seconds, and so many records, take longer to come about than a test may last."""
DURATION = re.compile(r"\b(\d+)([mhd])\b")
START_SECONDS = 60


@dataclass
class Prometheus:
    """`began` is when it was started, in seconds since the epoch."""

    url: str
    began: float
    process: Process

    def get(self, path: str, **query: object) -> Any:
        """What its HTTP API answers."""
        address = f"{self.url}/api/v1/{path}?{urlencode(query)}"
        with opened(address, 20) as answer:
            return json.load(answer)["data"]

    def seen(self, expression: str) -> Sequence[Mapping[str, str]]:
        """The labels of all series that the expression has had since the start."""
        about = {"start": self.began, "end": time.time(), "step": 1}
        return [
            each["metric"] for each in self.get("query_range", query=expression, **about)["result"]
        ]

    def holds(self, expression: str) -> bool:
        """Whether it has a series now."""
        return bool(self.get("query", query=expression)["result"])

    def ready(self) -> bool:
        try:
            return bool(self.get("rules")["groups"])
        except OSError:
            return False

    def alerts(self, state: str = "firing") -> Mapping[str, Mapping[str, Any]]:
        """Those in this state, by name."""
        found = self.get("alerts")["alerts"]
        return {each["labels"]["alertname"]: each for each in found if each["state"] == state}

    def targets(self) -> Mapping[str, str]:
        """Whether each answers (`up`, `down`), by its labels `job/service/instance`."""
        active = self.get("targets")["activeTargets"]
        return {
            "/".join(each["labels"][name] for name in ("job", "service", "instance")): each[
                "health"
            ]
            for each in active
        }


def tell_targets(system: System, folder: Path, *gone: str) -> None:
    """All processes of the system, as a name server would tell; `gone` are no longer there."""
    named = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"__meta_dns_name": name.split("-")[0]}}
        for name, port in system.metrics_ports.items()
        if name in system.processes and name not in ("api", *gone)
    ]
    api = [
        {"targets": [system.api_url.removeprefix("http://")], "labels": {"__meta_dns_name": "api"}}
    ]
    for job, targets in (("drivestream", named), ("drivestream-api", api)):
        new = folder / f"{job}.new"
        new.write_text(json.dumps(targets))
        new.rename(folder / f"{job}.json")


def faster(name: str, expression: str) -> str:
    """The expression of this rule, as it is asked here."""
    return DURATION.sub(
        lambda m: m[1] + FASTER[m[2]], expression.replace(*LOWER.get(name, ("", "")))
    )


def _rules(folder: Path) -> Path:
    rules = msgspec.yaml.decode((MONITORING / "alerts.yaml").read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule["expr"] = faster(rule["alert"], rule["expr"])
        rule["for"] = DURATION.sub(lambda m: m[1] + FASTER[m[2]], rule.get("for", "0s"))
    path = folder / "alerts.yaml"
    path.write_bytes(msgspec.yaml.encode(rules))
    return path


def _configuration(folder: Path) -> Path:
    """Ours. Only the names come from files, and not from a name server; our rules label them."""
    config = msgspec.yaml.decode((MONITORING / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(_rules(folder))]
    key = folder / "key"
    key.touch()
    for job in config["scrape_configs"]:
        [names] = job.pop("dns_sd_configs")
        assert names["type"] == "A"
        job["file_sd_configs"] = [{"files": [str(folder / f"{job['job_name']}.json")]}]
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(key)
    path = folder / "prometheus.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


@contextmanager
def running_prometheus(system: System, folder: Path) -> Iterator[Prometheus]:
    """Skips the test if `prometheus` is not installed, unless REQUIRE_PROMETHEUS is set."""
    program = shutil.which("prometheus")
    if program is None and os.environ.get("REQUIRE_PROMETHEUS"):
        pytest.fail("prometheus is not installed, and REQUIRE_PROMETHEUS insists on it")
    if program is None:
        pytest.skip("prometheus is not installed")
    tell_targets(system, folder)
    address = f"127.0.0.1:{free_port()}"
    argv = (
        program,
        f"--config.file={_configuration(folder)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    )
    command = Command(name="prometheus", argv=argv, env=system.env, cwd=folder)
    process = system.children.start(command)
    prometheus = Prometheus(f"http://{address}", time.time(), process)
    until(prometheus.ready, START_SECONDS, process.tail)
    yield prometheus


def until(condition: Callable[[], bool], limit: float, otherwise: Callable[[], object]) -> None:
    """Poll until it holds; fails after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.2)

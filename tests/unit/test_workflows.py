"""What CI runs exists: each command of a workflow is a target of the Makefile."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.documents import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
NEEDED = {
    "pull-request": {"check", "docs", "test"},
    "nightly": {
        "test",
        "test-long",
        "fire",
        "bench-smoke",
        "audit",
        "sbom",
        "image",
        "sbom-images",
    },
}
STUB = '#!/bin/sh\necho "$REQUIRE_RCLONE $(basename "$0") $*" >>"$CALLS"\n[ "$1" != "$FAILING" ]\n'


def jobs(path: Path) -> Mapping[str, Mapping[str, Any]]:
    workflow: Mapping[str, Any] = msgspec.yaml.decode(path.read_text())
    found: Mapping[str, Mapping[str, Any]] = workflow["jobs"]
    return found


def commands(path: Path) -> Iterator[str]:
    for job in jobs(path).values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


def targets(command: str) -> set[str]:
    """What it has make do; a variable is no target."""
    program, *words = command.split()
    assert program in ("make", ".ci/run"), f"not for a machine of one's own: {command}"
    return {word for word in words if "=" not in word}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_what_there_is_and_all_that_belongs_to_it(path: Path) -> None:
    run = set().union(*map(targets, commands(path)))
    assert run <= TARGETS
    assert run == NEEDED[path.stem]


def test_there_are_these_workflows() -> None:
    assert {path.stem for path in WORKFLOWS} == set(NEEDED)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_a_limit_and_actions_of_a_version(path: Path) -> None:
    for name, job in jobs(path).items():
        assert 0 < job["timeout-minutes"] <= 90, name
        for step in job["steps"]:
            assert "run" in step or re.fullmatch(r"[a-z-]+/[a-z-]+@v\d+", step["uses"]), step


def test_every_target_is_declared_and_explained() -> None:
    [phony] = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == TARGETS
    explained = set(re.findall(r"@echo 'make ([a-z-]+) ", MAKEFILE))
    assert {"help", "environment", "bench-smoke"} == TARGETS - explained


def ci(folder: Path, *stages: str, failing: str = "") -> tuple[int, list[str]]:
    """The exit code of `.ci/run` where make does nothing, and the calls of it."""
    stubs(folder, "make", "chromium", "curl", "rclone", "prometheus")
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return run_ci(folder, *stages, failing=failing, path=path)


def stubs(folder: Path, *names: str) -> None:
    for name in names:
        program = folder / name
        program.write_text(STUB)
        program.chmod(0o755)


def run_ci(folder: Path, *stages: str, path: str, failing: str = "") -> tuple[int, list[str]]:
    calls = folder / "calls"
    env = {"PATH": path, "CALLS": str(calls), "FAILING": failing}
    done = subprocess.run(
        [ROOT / ".ci" / "run", *stages], env=env, capture_output=True, check=False, timeout=90
    )
    return done.returncode, calls.read_text().splitlines()


def test_ci_runs_everything_with_one_command(tmp_path: Path) -> None:
    assert ci(tmp_path) == (0, ["1 make docs", "1 make test", "1 make test-long"])


def test_ci_runs_a_stage_by_its_name(tmp_path: Path) -> None:
    assert ci(tmp_path, "docs", "test") == (0, ["1 make docs", "1 make test"])


def test_ci_ends_with_the_stage_that_fails(tmp_path: Path) -> None:
    code, calls = ci(tmp_path, failing="test")
    assert code != 0
    assert calls == ["1 make docs", "1 make test"]


def test_ci_installs_what_a_stage_needs_and_keeps_no_service_of_it(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "basename", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    stubs(tmp_path, "make", "chromium", "curl", "rclone", "apt-get", "systemctl")
    (tmp_path / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    assert run_ci(tmp_path, "test", path=str(tmp_path)) == (0, ["1 make test"])
    code, calls = run_ci(tmp_path, "test-long", path=str(tmp_path))
    assert code == 0
    said = [" ".join(call.split()) for call in calls[1:]]
    assert said == [
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends prometheus",
        "systemctl is-active -q prometheus",
        "systemctl disable -q --now prometheus",
        "1 make test-long",
    ]

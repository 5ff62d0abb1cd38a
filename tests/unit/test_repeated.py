"""What is done about a test that fails: it gets one more try, alone, and is named."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests import run
from tests.repeated import MOST, Suite

ONCE = """
from pathlib import Path

def test_a():
    seen = Path(__file__).with_name("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError
"""
ALWAYS = "def test_b():\n    raise AssertionError\n"
FINE = "def test_c():\n    pass\n"
MANY = "".join(f"def test_{n}():\n    raise AssertionError\n" for n in range(MOST + 1))


def quiet(_name: str, command: Sequence[str], env: Mapping[str, str]) -> bool:
    done = subprocess.run(command, env=dict(env), capture_output=True, check=False, timeout=60)
    return done.returncode == 0


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    tests = tmp_path / "tests"
    tests.mkdir()
    call = (sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-c", os.devnull, str(tests))
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # they cost seconds
    return Suite(name="some", command=call, env=env, cache=tmp_path / "cache")


def write(suite: Suite, **files: str) -> None:
    for name, text in files.items():
        Path(suite.command[-1], f"test_{name}.py").write_text(text)


def test_what_passes_alone_is_named(suite: Suite) -> None:
    write(suite, once=ONCE, fine=FINE)
    assert not quiet(suite.name, suite.first, suite.env)
    (name,) = suite.repeat(quiet) or ()
    assert name.endswith("test_once.py::test_a")


def test_what_fails_twice_fails(suite: Suite) -> None:
    write(suite, once=ONCE, always=ALWAYS, fine=FINE)
    assert not quiet(suite.name, suite.first, suite.env)
    assert suite.repeat(quiet) is None


def test_a_file_that_cannot_be_read_fails(suite: Suite) -> None:
    write(suite, broken="def", fine=FINE)
    assert not quiet(suite.name, suite.first, suite.env)
    assert suite.repeat(quiet) is None


@pytest.mark.parametrize("tests", [{"many": MANY}, {}], ids=["many", "none"])
def test_many_failures_are_no_chance_and_a_suite_that_cannot_begin_neither(
    suite: Suite, tests: Mapping[str, str]
) -> None:
    write(suite, **tests)
    assert not quiet(suite.name, suite.first, suite.env)

    def never(_name: str, command: Sequence[str], env: Mapping[str, str]) -> bool:
        raise AssertionError(command, env)

    assert suite.repeat(never) is None


@pytest.mark.parametrize(
    ("check", "alone", "passes"),
    [("page", "true", True), ("page", "false", False), ("mypy", "true", False)],
)
def test_the_page_s_check_alone_is_repeated(
    monkeypatch: pytest.MonkeyPatch, check: str, alone: str, passes: bool
) -> None:
    monkeypatch.setattr(run, "CHECKS", {check: (alone,)})
    assert run.all_pass_alone([], [check]) is passes

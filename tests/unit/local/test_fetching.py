"""Fetching once: complete or not there, whoever comes at the same time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.toolchains.fetching import FetchError, once, run


def write(folder: Path) -> None:
    (folder / "thing").write_text("whole")


def test_what_is_made_is_there_under_its_name(tmp_path: Path) -> None:
    folder = once(tmp_path / "thing-1", write)
    assert (folder / "thing").read_text() == "whole"


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    once(tmp_path / "thing-1", write)

    def never(folder: Path) -> None:
        raise AssertionError(folder)

    assert (once(tmp_path / "thing-1", never) / "thing").exists()


@pytest.mark.parametrize("how", [FetchError("no network"), KeyboardInterrupt()])
def test_an_interrupted_one_leaves_nothing_and_is_made_anew(
    tmp_path: Path, how: BaseException
) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "thing").write_text("ha")
        raise how

    with pytest.raises(type(how)):
        once(tmp_path / "thing-1", interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["thing-1.lock"]
    assert (once(tmp_path / "thing-1", write) / "thing").read_text() == "whole"


def test_what_a_killed_one_left_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / "thing-1.partial-x"
    left.mkdir()
    (left / "thing").write_text("ha")
    once(tmp_path / "thing-1", write)
    assert not left.exists()


def test_of_two_at_once_one_makes_it_and_the_other_waits(tmp_path: Path) -> None:
    made = list[str]()
    both = threading.Barrier(2, timeout=60)

    def slowly(folder: Path) -> None:
        time.sleep(0.1)
        made.append(folder.name)
        write(folder)

    def fetch() -> str:
        both.wait()
        return (once(tmp_path / "thing-1", slowly) / "thing").read_text()

    with ThreadPoolExecutor(2) as pool:
        results = [future.result(60) for future in [pool.submit(fetch), pool.submit(fetch)]]
    assert results == ["whole", "whole"]
    assert len(made) == 1


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", "echo trying; echo 'disk full' >&2; exit 3"]
    with pytest.raises(FetchError, match=r"Fetching it.*exit code 3(.|\n)*disk full"):
        run("Fetching it", argv, {}, cwd=tmp_path)


def test_what_a_command_says_is_given_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("Doing [it]", ["/bin/sh", "-c", "echo one; echo; echo two"], {}) == "one\ntwo"
    said = capsys.readouterr()
    assert "Doing [it]: done in" in said.err
    assert said.out == ""

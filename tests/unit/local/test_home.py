"""The data folder: one copy at a time, and nothing removed that is not ours."""

import json
import os
import stat
from pathlib import Path

import pytest

from local.run.data_folder import MARK, Copy, Home, HomeError


def test_a_folder_that_is_not_there_is_made_and_marked(tmp_path: Path) -> None:
    home = Home(tmp_path / "new" / "data")
    with home.held():
        assert (home.path / MARK).exists()


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(HomeError, match="holds something else"), Home(tmp_path).held():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_has_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="cannot be used"), Home(tmp_path / "file" / "data").held():
        pass


def test_a_second_copy_is_refused_with_the_first_one_s_process(tmp_path: Path) -> None:
    with Home(tmp_path).held():
        with pytest.raises(HomeError, match=f"process {os.getpid()}"), Home(tmp_path).held():
            pass
        known = Home(tmp_path).running()
        assert known is not None
        assert known.pid == os.getpid()


def test_once_the_first_has_ended_the_folder_is_free(tmp_path: Path) -> None:
    with Home(tmp_path).held():
        assert Home(tmp_path).locked()
    assert not Home(tmp_path).locked()
    assert Home(tmp_path).running() is None
    with Home(tmp_path).held():
        assert Home(tmp_path).locked()


def test_what_a_dead_copy_left_written_does_not_count(tmp_path: Path) -> None:
    with Home(tmp_path).held():
        pass
    (tmp_path / "running.json").write_text(json.dumps({"pid": 1, "settings": {}, "addresses": {}}))
    assert Home(tmp_path).running() is None


def test_the_record_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.held():
        home.record(Copy(pid=7, settings={"DATABASE_URL": "secret"}, addresses={"API": "x"}))
        assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600
        known = home.running()
        assert known is not None
        assert (known.pid, known.addresses) == (7, {"API": "x"})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_record_cut_short_is_no_copy(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    with home.held():
        (tmp_path / "running.json").write_text(text)
        assert home.running() is None


def test_purging_removes_what_is_marked(tmp_path: Path) -> None:
    home = Home(tmp_path / "data")
    with home.held():
        (home.path / "kafka").mkdir()
    assert home.purge()
    assert not home.path.exists()
    assert not home.purge()


def test_purging_leaves_what_is_not_marked(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(HomeError, match="not ours"):
        Home(tmp_path).purge()
    assert (tmp_path / "thesis.txt").exists()

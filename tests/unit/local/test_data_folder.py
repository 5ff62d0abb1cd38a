"""The data folder: one copy at a time, and nothing is removed that is not ours."""

import json
import os
import stat
from pathlib import Path

import pytest

from local.run.data_folder import MARK, DataFolder, DataFolderError, RunningCopy


def take(path: Path) -> None:
    """Lock a data folder and release it at once."""
    with DataFolder(path).locked():
        pass


def test_a_folder_that_does_not_exist_is_created_and_marked(tmp_path: Path) -> None:
    take(tmp_path / "new" / "data")
    assert (tmp_path / "new" / "data" / MARK).exists()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataFolderError, match="contains other files"):
        take(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_created_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="cannot be used"):
        take(tmp_path / "file" / "data")


def test_a_second_copy_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    with DataFolder(tmp_path).locked():
        with pytest.raises(DataFolderError, match=f"process {os.getpid()}"):
            take(tmp_path)
        known = DataFolder(tmp_path).running()
        assert known is not None
        assert known.pid == os.getpid()


def test_once_the_first_copy_has_ended_the_folder_is_free(tmp_path: Path) -> None:
    with DataFolder(tmp_path).locked():
        assert DataFolder(tmp_path).in_use()
    assert not DataFolder(tmp_path).in_use()
    assert DataFolder(tmp_path).running() is None
    take(tmp_path)


def test_the_record_of_a_dead_copy_does_not_count(tmp_path: Path) -> None:
    take(tmp_path)
    (tmp_path / "running.json").write_text(json.dumps({"pid": 1, "settings": {}, "addresses": {}}))
    assert DataFolder(tmp_path).running() is None


def test_only_the_owner_can_read_the_record(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.locked():
        copy = RunningCopy(pid=7, settings={"DATABASE_URL": "secret"}, addresses={"API": "x"})
        folder.record(copy)
        assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600
        assert folder.running() == copy


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_an_incomplete_record_is_no_copy(tmp_path: Path, text: str) -> None:
    folder = DataFolder(tmp_path)
    with folder.locked():
        (tmp_path / "running.json").write_text(text)
        assert folder.running() is None


def test_purging_removes_a_folder_with_our_mark(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.locked():
        (folder.path / "kafka").mkdir()
    assert folder.purge()
    assert not folder.path.exists()
    assert not folder.purge()


def test_purging_leaves_a_folder_without_our_mark(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataFolderError, match="Drivestream did not create it"):
        DataFolder(tmp_path).purge()
    assert (tmp_path / "thesis.txt").exists()


def test_purging_does_not_follow_links_to_what_is_not_ours(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    take(tmp_path / "data")
    (tmp_path / "data" / "postgres").symlink_to(thesis)
    assert DataFolder(tmp_path / "data").purge()
    assert thesis.exists()

"""Passwords: made once, kept, and for their owner's eyes."""

import stat
from pathlib import Path

from local.servers.credentials import FILE, password


def test_a_password_stays_what_it_was(tmp_path: Path) -> None:
    first = password(tmp_path, "minio")
    other = password(tmp_path, "postgres")
    assert password(tmp_path, "minio") == first
    assert len({first, other}) == 2
    assert len(first) >= 20


def test_two_data_folders_have_different_ones(tmp_path: Path) -> None:
    assert password(tmp_path / "a", "minio") != password(tmp_path / "b", "minio")


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    password(tmp_path, "minio")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600

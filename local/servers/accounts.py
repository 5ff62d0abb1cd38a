"""The OS account of a server that must not run as root, and the files that this account can reach.

Root's own folders are usually closed to other accounts. We never open them: what the account needs
and cannot reach is kept below `STATE` instead.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TypedDict

from local.servers.server import ServerError

STATE = Path("/var/lib/drivestream")
UNPRIVILEGED = ("postgres", "nobody")


class RunAs(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that choose the account."""

    user: str
    group: int
    extra_groups: list[int]


def unprivileged_account() -> str | None:
    """The account for a server that refuses to be root; None if we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in UNPRIVILEGED if name in known), UNPRIVILEGED[-1])


def run_as(account: str | None) -> RunAs:
    """How to start a process under an account; our own if there is none."""
    if account is None:
        return {}
    return {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}


def give_to(path: Path, account: str) -> None:
    """Make an account the owner of a file or a folder."""
    entry = pwd.getpwnam(account)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def can_read(path: Path, account: str) -> bool:
    """Whether an account can read a path. The system decides: modes alone do not tell."""
    script = ("/bin/sh", "-c", 'test -r "$1"', "sh", str(path))
    return subprocess.run(script, cwd="/", check=False, **run_as(account)).returncode == 0


def folder_of(account: str, folder: Path) -> Path:
    """The folder, owned by the account; if it cannot reach it, one below `STATE`.

    In the second case `folder` becomes a link to the other one, so that whoever removes the data
    finds it.
    """
    if not folder.is_symlink():
        give_to(folder, account)
        if can_read(folder, account):
            return folder
        if any(folder.iterdir()):
            raise ServerError(
                f"The account {account} cannot reach {folder} any more, and PostgreSQL's data is "
                f"there. Let it pass through the folders above, or start without data: "
                "`drivestream down --purge`."
            )
        folder.rmdir()
        folder.symlink_to(_elsewhere(folder))
    private = folder.resolve()
    private.mkdir(mode=0o700, exist_ok=True)
    give_to(private, account)
    if not can_read(private, account):
        raise ServerError(
            f"The account {account}, which runs PostgreSQL, can reach neither {folder} nor "
            f"{private}. Set DATA_DIR to a folder that it can reach, or DATABASE_URL."
        )
    return private


def state_folder() -> Path:
    """`STATE`, created if need be so that every account can pass through it."""
    if not STATE.exists():
        STATE.mkdir(parents=True)
        STATE.chmod(0o755)
    return STATE


def remove_folder_of(link: Path) -> None:
    """Remove the folder below `STATE` that a link made by `folder_of` leads to."""
    if link.is_symlink() and link.resolve().parent == STATE:
        shutil.rmtree(link.resolve(), ignore_errors=True)


def _elsewhere(folder: Path) -> Path:
    """A path below `STATE` for the folder. What is there belonged to a data folder now gone."""
    path = state_folder() / f"{folder.name}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    shutil.rmtree(path, ignore_errors=True)
    return path

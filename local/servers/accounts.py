"""Which OS account a server runs as: PostgreSQL refuses to be root."""

import os
import pwd
import stat
import sys
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")


def unprivileged_account() -> str | None:
    """Where we are root, the account for a server that must not be; else None."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in UNPRIVILEGED if name in known), UNPRIVILEGED[-1])


def group_of(account: str | None) -> int | None:
    """The account's own group, for `subprocess`; None (ours) without an account."""
    return pwd.getpwnam(account).pw_gid if account else None


def hand_over(path: Path, account: str) -> None:
    """Give a file or a folder to an account."""
    entry = pwd.getpwnam(account)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def let_through(path: Path, account: str) -> None:
    """Let an account reach a path: passage through the folders above it, not their listing.

    A root's home is often closed to all others, and so would be everything in it.
    """
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            print(f"PostgreSQL runs as {account}: let it through {folder} (o+x).", file=sys.stderr)

"""Passwords of the servers that we start: generated once for each data folder."""

import json
import os
import secrets
from pathlib import Path

FILE = "credentials.json"


def password(data_dir: Path, server: str) -> str:
    """The password of one server, generated on first use and kept."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if server not in known:
        known[server] = secrets.token_hex(12)
        write_private(path, json.dumps(known, indent=2) + "\n")
    return known[server]


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole with one that only its owner can read."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.rename(path)

"""Passwords of the servers that we start: made once per data folder, readable by its owner only."""

import json
import os
import secrets
from pathlib import Path

FILE = "credentials.json"


def password(data_dir: Path, of: str) -> str:
    """The password of one server, made on first use and kept."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if of not in known:
        known[of] = secrets.token_hex(12)
        _write(path, json.dumps(known, indent=2) + "\n")
    return known[of]


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.rename(path)

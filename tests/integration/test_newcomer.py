"""The change that docs/newcomer.md leads to, made in a copy as the page says it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import DOCS, ROOT, blocks, changes_of, commands

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
PINNED = "test_the_bytes_of_every_event_are_pinned[FileStored]"
GOLDEN = "tests/unit/core/golden/FileStored.json"
COPIED = ("docs", "drive_emulator", "local", "services", "tests", "deploy", "bench", "requirements")


def test_its_steps_lead_to_the_new_field(tmp_path: Path) -> None:
    copy = tmp_path / "drivestream"
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for each in ROOT.iterdir():
        if each.is_file() and each.name != ".git":
            shutil.copy(each, copy)
    change(copy, "services/core/events/files.py", "services/transfer/copier.py")
    assert run(copy, "docs.generate") == (0, "")
    code, said = run(copy, "pytest")
    assert code == 1
    assert PINNED in said
    assert said.count("FAILED") == 1, said
    change(copy, "tests/samples.py")
    golden = copy / GOLDEN
    golden.write_text(
        golden.read_text().rstrip().removesuffix("}").rstrip() + ', "megapixels": 12.0}'
    )
    assert run(copy, "docs.generate") == (0, "")
    code, said = run(copy, "pytest")
    assert code == 0, said
    assert "megapixels" in (copy / "docs" / "events.md").read_text()


def change(copy: Path, *paths: str) -> None:
    """Make the page's changes to these files."""
    found = [changes_of(b) for b in blocks(DOCS / "newcomer.md") if b.language == "diff"]
    changes = dict(found)
    for path in paths:
        text = (copy / path).read_text()
        for old, new in changes[path]:
            text = text.replace(old, new) if old else text + new + "\n"
        (copy / path).write_text(text)


def run(copy: Path, module: str) -> tuple[int, str]:
    """The exit code of the page's command that runs this module, and what it says."""
    found = [
        arguments
        for block in blocks(DOCS / "newcomer.md")
        if block.language == ""
        for program, *arguments in commands(block)
        if program == "python" and arguments[1] == module
    ]
    done = subprocess.run(
        [sys.executable, *found[0]],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    return done.returncode, done.stdout + done.stderr

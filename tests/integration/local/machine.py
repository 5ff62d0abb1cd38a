"""One machine for a test: a data folder and ports of its own, and sight of every process there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.paths import CHECKOUT
from local.run.stack import INSTEAD

PORTS = (
    "PORT",
    "WEB_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "MINIO_PORT",
    "MINIO_CONSOLE_PORT",
    "POSTGRES_PORT",
    "EMULATOR_PORT",
)
START_S = 120
COMMAND_S = 240


@contextmanager
def a_machine() -> Iterator["Machine"]:
    """A machine with nothing on it, removed at the end.

    Not below pytest's own folder: each session closes that one to other accounts when it starts,
    and where we are root PostgreSQL runs as another account.
    """
    with TemporaryDirectory(prefix="drivestream-") as folder:
        yield Machine(Path(folder))


class Machine:
    """Runs `drivestream` commands on a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        given = {name for _, names in INSTEAD for name in names}
        own = {key: value for key, value in os.environ.items() if key not in given}
        self.env: Mapping[str, str] = {
            **own,
            **dict.fromkeys(PORTS, "0"),
            "DATA_DIR": str(self.data),
        }

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "local", *arguments],
            env={**self.env, **changes},
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    @contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run `up` without the page until the context ends, its words in `said`."""
        with self.said.open("wb") as said:
            child = subprocess.Popen(
                [sys.executable, "-m", "local", "up", "--no-web"],
                env=self.env,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            self._wait_until_up(child)
            yield child
        finally:
            child.terminate()
            child.wait(60)

    @property
    def said(self) -> Path:
        """What `up` said."""
        return self.data.with_name("up.txt")

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        document = json.loads(self.run("status", "--json").stdout)
        assert isinstance(document, dict)
        return document

    def processes(self, module: str = "") -> dict[int, str]:
        """Everything that runs with this data folder in its environment, by process id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environ = (folder / "environ").read_bytes().split(b"\0")
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if f"DATA_DIR={self.data}".encode() in environ and module in line:
                    found[int(folder.name)] = line
        return found

    def _wait_until_up(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while "Ctrl-C stops everything" not in self.said.read_text():
            assert child.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.1)

"""Starts the Drive server as a process of its own, and tells it what to share."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from local.paths import CHECKOUT

HASHING_S = 300.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class RunningDrive:
    """A started server; `ca` is the certificate to trust."""

    pid: int
    port: int
    ca: Path

    @property
    def env(self) -> Mapping[str, str]:
        """What makes a client of Google's reach this server instead."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "NO_PROXY": "127.0.0.1,localhost",
            "SSL_CERT_FILE": str(self.ca),
        }

    def add_tree(self, name: str, files: int, sizes: Sequence[int], folders: int = 10) -> str:
        """A folder of so many files, whose sizes are taken in turn; its id."""
        told = {"name": name, "files": files, "folders": folders}
        added = self._ask("tree", **told, sizes=",".join(map(str, sizes)))
        return str(added["folder"])

    def change(self, file_id: str) -> None:
        """Give a file other bytes."""
        self._ask("change", id=file_id)

    def delay(self, ms: int) -> None:
        """How long every answer takes from now on."""
        self._ask("delay", ms=ms)

    def counts(self) -> Mapping[str, int]:
        """Requests so far, and the bytes of media: list, get, media, media_bytes; connections."""
        counts: Mapping[str, int] = self._ask("counts")
        return counts

    def _ask(self, path: str, **query: Any) -> Any:
        address = f"http://127.0.0.1:{self.port}/{path}?{urlencode(query)}"
        with OPENER.open(address, timeout=HASHING_S) as answer:
            return json.load(answer)


@contextmanager
def running_drive(folder: Path) -> Iterator[RunningDrive]:
    """A server, until the block is left or this process is gone."""
    command = [sys.executable, "-m", "bench.drive", str(folder)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        told = json.loads(process.stdout.readline() or "{}")
        if "port" not in told:
            raise RuntimeError(f"The Drive server did not start: {process.wait(10)}")
        yield RunningDrive(process.pid, int(told["port"]), Path(told["ca"]))
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        process.stdout.close()

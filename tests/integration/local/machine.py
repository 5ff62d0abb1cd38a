"""A machine for a test: a data folder and ports of its own, and a view of every process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from local.paths import CHECKOUT
from local.run.start import temporary_data_dir
from local.settings import PORTS
from services.core.settings import NAMES

# Whatever a user may call a folder. A comma, a backslash or three dots in braces mean something to
# one server or another, and a JVM finds no accent in the locale C.
FOLDER = 'données, d\'été \\n "q" $HOME `x` 100% {1...2} #a'
SHELL = {
    "LC_ALL": "C",
    # As after `aws sso login`, and more of what our libraries know.
    "AWS_ACCESS_KEY_ID": "of-the-shell",
    "AWS_SECRET_ACCESS_KEY": "of-the-shell",
    "AWS_SESSION_TOKEN": "of-the-shell",
    "AWS_REGION": "eu-central-1",
    "AWS_PROFILE": "of-the-shell",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_S3_EXPRESS": "true",
    "PGHOST": "nowhere.invalid",
    "PGOPTIONS": "-c search_path=nowhere",
    "PGSSLMODE": "require",
    "PGSERVICE": "nowhere",
    # A proxy for everything, which nothing on this machine goes through.
    **dict.fromkeys(("http_proxy", "HTTPS_PROXY"), "http://127.0.0.1:1"),
    "ALL_PROXY": "socks5://127.0.0.1:1",
    # Of other copies of what we start and load.
    "MINIO_ROOT_USER": "of-the-shell",
    "MINIO_DOMAIN": "nowhere.invalid",
    "MINIO_BROWSER_REDIRECT_URL": "nowhere",
    "KAFKA_OPTS": "-Dnowhere",
    "JAVA_TOOL_OPTIONS": "-XX:NoSuchOption",
    "JDK_JAVA_OPTIONS": "-Xmx1k",
    "CLASSPATH": "/nowhere",
    "NODE_OPTIONS": "--require=/nowhere",
    "NODE_ENV": "production",
    "npm_config_prefix": "/nowhere",
    "GOFLAGS": "-mod=nowhere",
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
    "OTEL_PROPAGATORS": "nowhere",
    "PSYCOPG_IMPL": "nowhere",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "LITESTAR_PDB": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONASYNCIODEBUG": "1",
}
START_S = 240
COMMAND_S = 400


@contextmanager
def a_machine() -> Iterator["Machine"]:
    """A machine on which nothing runs, removed at the end."""
    with temporary_data_dir() as folder:
        yield Machine(folder)


class Machine:
    """Runs `drivestream` commands on a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / FOLDER
        self._copy: subprocess.Popen[bytes] | None = None
        own = {key: value for key, value in os.environ.items() if key not in NAMES}
        self.env: Mapping[str, str] = {
            **own,
            **dict.fromkeys(PORTS, "0"),
            **SHELL,
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
    def running(self, *arguments: str, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run `up` or `demo` until the context ends. What it prints is in `output`."""
        with self.output.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "local", *arguments, "--no-web"],
                env={**self.env, **changes},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._wait_until_up(child)
            self._copy = child
            yield child
        finally:
            child.terminate()
            child.wait(COMMAND_S)

    def kill(self) -> None:
        """Kill the copy that runs, so that it cannot stop its processes."""
        assert self._copy is not None
        self._copy.kill()
        self._copy.wait()

    @property
    def output(self) -> Path:
        """What the running copy prints."""
        return self.data.with_name("output.txt")

    def status(self) -> dict[str, Any]:
        """The result of `status --json`."""
        document = json.loads(self.run("status", "--json").stdout)
        assert isinstance(document, dict)
        return document

    def processes(self, module: str = "") -> dict[int, str]:
        """All processes with this data folder in their environment, by id."""
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
        while "Ctrl-C to stop everything" not in self.output.read_text():
            assert child.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

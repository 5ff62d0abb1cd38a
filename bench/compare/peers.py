"""rclone, and the store by itself: what Drivestream is measured beside."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from bench.compare.figures import Run
from bench.compare.ours import Meter
from bench.compare.workloads import Workload
from bench.drive.client import RunningDrive
from bench.processes import peak_mb
from local.paths import CHECKOUT

CLIENT = "client"
LIMIT_S, POLL_S = 1_800.0, 0.1
TOKEN = {"access_token": "bench", "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"}


def rclone_path() -> str:
    """`SystemExit` if there is none: a comparison needs somebody to compare with."""
    found = shutil.which("rclone")
    if found is None:
        raise SystemExit("rclone is not installed (Debian: apt install rclone).")
    return found


def rclone_version() -> str:
    said = subprocess.run([rclone_path(), "version"], capture_output=True, text=True, timeout=60)
    return said.stdout.splitlines()[0].removeprefix("rclone ")


def configure(path: Path, folder: str, env: Mapping[str, str]) -> None:
    """Both ends, as rclone's own configuration file describes them."""
    path.write_text(
        "[drive]\ntype = drive\nscope = drive.readonly\n"
        f"root_folder_id = {folder}\ntoken = {json.dumps(TOKEN)}\n"
        "[store]\ntype = s3\nprovider = Minio\nno_check_bucket = true\n"
        f"endpoint = {env['S3_ENDPOINT_URL']}\n"
        f"access_key_id = {env['AWS_ACCESS_KEY_ID']}\n"
        f"secret_access_key = {env['AWS_SECRET_ACCESS_KEY']}\n"
    )


def measure_copy(
    drive: RunningDrive, config: Path, bucket: str, flags: Sequence[str], workload: Workload
) -> Run:
    """One `rclone copy` of the configured folder into an empty bucket."""
    argv = [rclone_path(), "copy", "drive:", f"store:{bucket}", "--config", str(config), *flags]
    env = {"PATH": os.environ["PATH"], "HOME": str(config.parent), **drive.env}
    return _measured(argv, env, "rclone", drive, workload)[0]


def measure_ceiling(drive: RunningDrive, env: Mapping[str, str], workload: Workload) -> Run:
    """The same bytes from memory, with as many requests at once as a transfer makes."""
    sizes = ",".join(map(str, workload.sizes))
    return _measured_itself(["ceiling", str(workload.files), sizes], env, drive, workload)


def measure_bytes(
    drive: RunningDrive, env: Mapping[str, str], folder: str, workload: Workload
) -> Run:
    """The same bytes from Drive, with as many files at once, and nothing else."""
    return _measured_itself(["bytes_alone", folder], {**drive.env, **env}, drive, workload)


def _measured_itself(
    command: Sequence[str], env: Mapping[str, str], drive: RunningDrive, workload: Workload
) -> Run:
    """A program of this package, which says how long it took."""
    program, *arguments = command
    argv = [sys.executable, "-m", f"bench.compare.{program}", *arguments]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run, said = _measured(argv, {**inherited, **env}, CLIENT, drive, workload)
    own = json.loads(said)  # without the start of Python
    cpu = {**run.cpu, CLIENT: round(own["cpu"], 2)}
    return msgspec.structs.replace(run, seconds=round(own["seconds"], 3), cpu=cpu)


def _measured(
    argv: Sequence[str],
    env: Mapping[str, str],
    name: str,
    drive: RunningDrive,
    workload: Workload,
) -> tuple[Run, bytes]:
    """Run a program to its end, and what it printed; `SystemExit` if it fails."""
    meter = Meter.of({"drive": drive.pid})
    before, began, peak = os.times(), time.monotonic(), 0.0
    with TemporaryFile() as said, TemporaryFile() as complained:  # a full pipe would hold it up
        process = subprocess.Popen(
            argv, env=dict(env), cwd=CHECKOUT, stdout=said, stderr=complained
        )
        while process.poll() is None and time.monotonic() - began < LIMIT_S:
            peak = max(peak, peak_mb(process.pid) or 0.0)
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
        seconds = time.monotonic() - began
        process.kill()
        if process.wait() != 0:
            complained.seek(0)
            raise SystemExit(f"{argv[0]} failed: {complained.read().decode()[-2000:]}")
        said.seek(0)
        printed = said.read()
    after, others = os.times(), meter.others()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    run = Run(
        files=workload.files,
        bytes=workload.bytes,
        seconds=round(seconds, 3),
        cpu={**meter.cpu(), name: round(used, 2)},
        peak_mb={**meter.peak_mb(), name: peak},
        others=others,
    )
    return run, printed

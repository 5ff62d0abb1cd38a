"""How fast one import runs from end to end, and what each process needs for it.

    make bench                                   # 10,000 files of 100 KB
    python -m bench --files 1000 --size 20480
    python -m bench.emulator                     # the Drive emulator alone: media, a long folder

Everything real on this machine: Kafka, MinIO, PostgreSQL, the Drive emulator, one of each service.
Prints one JSON object on standard output; what happens meanwhile goes to standard error.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.run.start import running_servers, temporary_data_dir
from tests.platform import emptied
from tests.system import System, link, running_system

SERVICES = ("api", "lister", "transfer", "indexer")
LIMIT_SECONDS = 1200


def peak_mb(pid: int | None) -> float | None:
    """The most memory a process ever had resident (VmHWM), in MB; None if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


def cpu_seconds(pid: int | None) -> float | None:
    """CPU time that a process has used, user and system."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / 100


def measure(system: System, files: int, size: int) -> Mapping[str, Any]:
    """One import of a flat-ish tree; times are seconds since the POST."""
    tree = {"name": "bench", "pictures": files, "size": size, "depth": 1, "fan_out": 10}
    folder = system.drive.add_tree(tree, render=True)
    system.start(*SERVICES)
    system.wait_ready()
    time.sleep(3)  # groups have joined: what is measured is the import, not the start
    began = time.monotonic()
    job = system.post_import(link(folder))
    first = None
    while True:
        row = system.get(f"/imports/{job}")
        now = time.monotonic() - began
        if first is None and row["stored"]:
            first = now
        if row["finished_at"] or now > LIMIT_SECONDS:
            break
        sys.stderr.write(f"\r{now:6.1f} s  {row['stored']:,} of {row['found']:,} stored ")
        time.sleep(0.1 if first is None else 0.5)
    sys.stderr.write("\n")
    pids = {name: process.pid for name, process in system.processes.items()}
    pids["emulator"] = system.drive.pid
    return {
        "state": row["state"],
        **{k: row[k] for k in ("found", "stored", "unchanged", "failed", "pending")},
        "seconds_to_first_row": None if first is None else round(first, 2),
        "seconds": round(now, 2),
        "files_per_second": round(row["stored"] / now, 1),
        "megabytes_per_second": round(row["stored_bytes"] / now / 1e6, 1),
        "peak_memory_mb": {name: peak_mb(pid) for name, pid in pids.items()},
        "cpu_seconds": {name: cpu_seconds(pid) for name, pid in pids.items()},
    }


def main() -> int:
    """0 if every file was stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=102_400, help="bytes of each file")
    given = parser.parse_args()
    with (
        temporary_data_dir() as data,
        running_servers(data, ["kafka", "minio", "postgres"]) as servers,
        emptied(servers) as platform,
        running_system(platform, data / "logs") as system,
    ):
        result = measure(system, given.files, given.size)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0 if result["stored"] == given.files else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m bench.healthy [COMPOSE ARGUMENTS]`: when each container began and became healthy.

It runs `docker compose ARGUMENTS up --detach --wait`, by default for `compose.demo.yaml`, of a
project that is not there yet, and reads the engine's events. Build the images before, and take
everything down afterwards, as the last line says.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

DEMO = ("-f", "compose.demo.yaml")
EXITED = "die"
HEALTHY = "health_status: healthy"
LIMIT = 600


def main(arguments: Sequence[str]) -> int:
    compose = ["docker", "compose", *(arguments or DEMO)]
    if running(compose):
        sys.stderr.write("There are containers of this project. Take them down first.\n")
        return 1
    began = time.time()
    up = subprocess.run([*compose, "up", "--detach", "--wait"], timeout=LIMIT, check=False)
    ended = time.time()
    for line in table(events(began, ended), began):
        print(line)
    print(f"{ended - began:6.1f} s in all, exit code {up.returncode}")
    print(f"Take it down with: {' '.join(compose)} down --volumes")
    return up.returncode


def running(compose: Sequence[str]) -> bool:
    shown = subprocess.run([*compose, "ps", "--all", "--quiet"], capture_output=True, check=True)
    return bool(shown.stdout.strip())


def events(since: float, until: float) -> Sequence[Mapping[str, str]]:
    """Service, what happened, and when, in seconds since the epoch."""
    argv = ["docker", "events", "--format", "{{json .}}", "--filter", "type=container"]
    argv += ["--since", f"{since:.3f}", "--until", f"{until:.3f}"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = [json.loads(line) for line in said.splitlines()]
    return [
        {
            "service": each["Actor"]["Attributes"].get("com.docker.compose.service", "?"),
            "what": each["Action"],
            "at": str(each["timeNano"] / 1e9),
        }
        for each in found
    ]


def table(happened: Sequence[Mapping[str, str]], began: float) -> Sequence[str]:
    """One line for each container: seconds from `up` to its start, and to its first good check."""
    first: dict[tuple[str, str], float] = {}
    for each in happened:
        first.setdefault((each["service"], each["what"]), float(each["at"]) - began)
    lines = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "  start  healthy  container"]
    for (service, what), at in sorted(first.items(), key=lambda item: item[1]):
        if what == "start":
            end = first.get((service, HEALTHY)) or first.get((service, EXITED))
            lines.append(f"{at:7.1f}  {end or float('nan'):7.1f}  {service}")
    return lines


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

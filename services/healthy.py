"""`python -m services.healthy PORT`: exit code 0 if the service at this port of this machine is
ready, else 1, and why. It is the health check of a container, so it imports little."""

import http.client
import sys
from collections.abc import Sequence

SECONDS = 6.0
MOST = 1_000
"""Bytes of an answer; Docker keeps 4,096."""


def main(arguments: Sequence[str]) -> int:
    [port] = arguments
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        said = answer.read(MOST).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as why:
        said = f"No answer at port {port} ({why}). Its log says what it waits for."
        sys.stdout.write(f"{said}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{said}\n")
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

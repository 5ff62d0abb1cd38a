"""What keeps a running copy from its work, as its API says at `/health/ready`."""

import json
from collections.abc import Sequence
from http.client import HTTPException
from urllib.error import HTTPError

from local.servers.health import OPENER
from local.show.text import printable


def waits(api_url: str, timeout_s: float = 10.0) -> Sequence[str]:
    """A sentence for each service that waits; none if nothing does, or if nobody answers."""
    try:
        with OPENER.open(f"{api_url}/health/ready", timeout=timeout_s) as answer:
            checks = json.loads(answer.read(100_000))["checks"].items()
            return [
                f"{printable(name, 40)} is waiting: {printable(check['detail'], 400)}"
                for name, check in checks
                if not check["ok"]
            ]
    except HTTPError as refused:
        refused.close()
        return []
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return []

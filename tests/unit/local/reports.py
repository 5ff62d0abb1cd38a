"""Reports of an import, as the API gives them."""

import json

from local.show.api import decoded
from local.show.reports import ImportReport

ANSWER: dict[str, object] = {
    "id": "import-1",
    "state": "transferring",
    "name": "Holidays",
    "found": 2400,
    "stored": 2000,
    "unchanged": 300,
    "failed": 1,
    "pending": 99,
    "found_bytes": 5_000_000,
    "stored_bytes": 4_000_000,
    "skipped": {"not_an_image": 12},
    "failures": {"checksum_differs": 1},
    "first_stored_at": "2026-11-23T12:00:00Z",
    "message": None,
    "waiting_for": None,
}
WAITING = {"reason": "drive_blocked", "message": "Google asks for a break.", "until": None}


def a_report(**changes: object) -> ImportReport:
    """An import half done, except for what is named."""
    return decoded(json.dumps({**ANSWER, **changes}).encode(), ImportReport, "/imports/import-1")

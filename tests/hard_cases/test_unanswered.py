"""Bad input: folders whose answers never are answers, however often they are asked for.

A folder is given up only after minutes. So the import is begun with the first hard case, and looked
at here, after the last.
"""

import pytest

from tests.hard_cases.hopeless import HOPELESS
from tests.hard_cases.importing import Importer

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]


def test_folders_that_are_never_answered_fail_by_themselves(importer: Importer) -> None:
    report = importer.report(importer.hopeless, 400)
    assert report.state == "completed_with_failures"
    assert report.fates == {"kept.jpg": "stored"}
    # The other cases run beside it: Drive may have been away, or slow, at a folder's last try.
    told = {path: {reason} - {"drive_unavailable"} for path, reason in report.folders().items()}
    assert told.keys() == HOPELESS.keys()
    own = {name: {reason} for name, (_, reason) in HOPELESS.items()}
    assert all(told[name] <= own[name] for name in HOPELESS), report.row["failed_folders"]
    assert any(told.values()), report.row["failed_folders"]

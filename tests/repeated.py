"""Tests that fail beside everything else are run once more, alone (decision 63).

Two cores run four systems, a browser and all checks at once, and the machine itself stands still
now and then. A fault shows again when its test is alone; what does not is named at the end, as
unsteady, and is to be mended all the same.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST = 5
"""Failures of one suite that are repeated. More of them have one cause, and that is no chance."""
Run = Callable[[str, Sequence[str], Mapping[str, str]], bool]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A call of pytest whose failures are kept in a folder of its own."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    cache: Path

    @property
    def first(self) -> Sequence[str]:
        """The command for all of its tests."""
        return (*self.command, "-o", f"cache_dir={self.cache}")

    def failed(self) -> Sequence[str]:
        """Tests that failed when it last ran. None of them if it could not even begin."""
        path = self.cache / "v" / "cache" / "lastfailed"
        return sorted(json.loads(path.read_text())) if path.is_file() else ()

    def repeat(self, run: Run) -> Sequence[str] | None:
        """Run what failed once more, one after the other. What passes now; None if not all does."""
        failed = self.failed()
        if not 0 < len(failed) <= MOST:
            return None
        again = (*self.first, "--last-failed", "--last-failed-no-failures", "none", "-n", "0")
        return failed if run(f"{self.name}: what failed, alone", again, self.env) else None

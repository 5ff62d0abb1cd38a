"""After the fire: nothing is thrown any more, everything comes to its end, and is asked for again.

Each wait has a limit. What does not come to its end in time is noted, and is a fault.
"""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from tests.fire.checks.at_rest import PARTS, REPLAYS_ENDED
from tests.fire.checks.imports import ENDED
from tests.fire.client import Client, NoAnswer
from tests.fire.history import History
from tests.fire.load import Load
from tests.system import System

LIMIT = 420.0
REST_LIMIT = 90.0
POLL_SECONDS = 1.0
HEALING_ROUNDS = 2


@dataclass
class Closing:
    """`watch` notes services that end by themselves. `fetched` are the files whose bytes Drive
    served to the imports of `again`."""

    system: System
    client: Client
    load: Load
    history: History
    watch: Callable[[], None]
    again: list[str] = field(default_factory=list)
    fetched: Set[str] = frozenset()

    def run(self) -> None:
        """Imports and replays end, failures are retried, and each tree is imported once more."""
        self.system.wait_ready()
        self._resume_all()
        self._await_ends("after the fire")
        for number in range(HEALING_ROUNDS):
            self._retry_all()
            self._await_ends(f"after retry {number + 1}")
        self._import_all_again()

    def replay_everything(self) -> None:
        """As one does who wants to be sure; twice, and it changes nothing."""
        jobs = [row["id"] for row in self._imports() if row["state"] != "cancelled"]
        for _ in range(2):
            self.load.replay(jobs[:100], "check")
            self._await_ends("after a replay of everything")

    def until(self, condition: Callable[[], bool], limit: float, otherwise: str) -> bool:
        """Whether it came to hold; noted if not."""
        until = time.monotonic() + limit
        while not condition():
            if time.monotonic() > until:
                self.history.add("not_ended", says=otherwise)
                return False
            self.watch()
            time.sleep(POLL_SECONDS)
        return True

    def _imports(self) -> Sequence[Mapping[str, Any]]:
        return self.client.every("/imports?limit=1000")

    def _replays(self) -> Sequence[Mapping[str, Any]]:
        return self.client.every("/replays?limit=1000")

    def _await_ends(self, when: str) -> None:
        open_ones: list[str] = []

        def ended() -> bool:
            open_ones[:] = [
                f"{row['id']}: {row['state']}, {row['pending']} pending, {row['waiting_for']}"
                for row in self._imports()
                if row["state"] not in ENDED
            ]
            open_ones.extend(
                f"{row['id']}: {row['state']}, {[row[part] for part in PARTS]}"
                for row in self._replays()
                if row["state"] not in REPLAYS_ENDED
            )
            return not open_ones

        self.history.add("note", says=f"waiting for all to end, {when}")
        try:
            if not self.until(ended, LIMIT, f"{when}, not all ended within {LIMIT:.0f} s"):
                for each in open_ones:
                    self.history.add("not_ended", says=each)
        except (NoAnswer, OSError, ValueError) as why:
            self.history.add("not_ended", says=f"{when}: {why}")

    def _resume_all(self) -> None:
        for row in self._imports():
            if row["state"] == "paused":
                self.load.control(row["id"], "resume")

    def _retry_all(self) -> None:
        for row in self._imports():
            if row["state"] != "cancelled" and (row["failed"] or row["folders_failed"]):
                self.load.control(row["id"], "retry")

    def _import_all_again(self) -> None:
        last = max((line["n"] for line in self.system.drive.log("media")), default=0)
        for number in range(len(self.load.trees.folders)):
            self.again.append(self.load.begin(number, "closing"))
        self._await_ends("after each tree was imported again")
        lines = self.system.drive.log("media", since=last)
        self.fetched = {
            str(line["path"]).rsplit("/", 1)[-1] for line in lines if line["status"] in (200, 206)
        }

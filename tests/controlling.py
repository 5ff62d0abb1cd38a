"""Control a whole running system, and watch what it says of an import meanwhile."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from services.core import events as e
from services.core.wire import decode
from tests.system import System

Row = Mapping[str, Any]
PARTS = ("stored", "unchanged", "failed", "pending")
IN_FLIGHT = "drivestream_worker_in_flight"


@dataclass
class Watched:
    """Every report of an import that was seen, each with the equation closed."""

    rows: list[Row] = field(default_factory=list)
    broken: list[Row] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        """In order, without repeats."""
        states = [str(row["state"]) for row in self.rows]
        return [s for n, s in enumerate(states) if n == 0 or states[n - 1] != s]


@contextmanager
def watching(system: System, job: str) -> Iterator[Watched]:
    """Poll the import all the time; at the end, its equation must have closed at every poll."""
    watched, over = Watched(), threading.Event()

    def poll() -> None:
        is_last = False
        while not is_last:
            is_last = over.wait(0.1)  # and then once more, or the last state may not have been seen
            try:
                row = system.get(f"/imports/{job}")
            except OSError:
                continue  # the API may be down for a moment
            watched.rows.append(row)
            if row["found"] != sum(row[part] for part in PARTS):
                watched.broken.append(row)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield watched
    finally:
        over.set()
        thread.join()
    assert watched.broken == []
    assert len(watched.rows) > 5


def control(system: System, job: str, word: str) -> Row:
    """Pause, resume or cancel; a GET right after it must agree."""
    status, row = system.post(f"/imports/{job}/{word}")
    assert status == 202, row
    shown = system.get(f"/imports/{job}")
    expected = {"pause": ("paused",), "cancel": ("cancelled",)}
    going = ("queued", "listing", "transferring")
    assert row["state"] in expected.get(word, going), row
    assert shown["state"] in expected.get(word, (*going, "completed")), shown
    answer: Row = row
    return answer


def seconds_until_idle(system: System, workers: Sequence[str], since: float) -> float:
    """Until no worker has anything in hand; `since` is monotonic."""

    def idle() -> bool:
        return all(system.figures(name)[IN_FLIGHT] == 0 for name in workers)

    system.until(idle, 60, lambda: str({name: system.figures(name)[IN_FLIGHT] for name in workers}))
    return time.monotonic() - since


def outcomes(system: System, job: str) -> dict[str, list[e.FileStored | e.FileFailed]]:
    """Every outcome in the log, by file id."""
    found: dict[str, list[e.FileStored | e.FileFailed]] = {}
    for topic in ("files.stored", "files.failed"):
        for record in system.records(topic):
            event = decode(record.topic, record.value)
            if isinstance(event, e.FileStored | e.FileFailed) and event.import_id == job:
                found.setdefault(event.key, []).append(event)
    return found


def fetched(system: System) -> list[str]:
    """The ids of the files whose bytes Drive was asked for since its log was emptied."""
    return [str(line["path"]).rsplit("/", 1)[-1] for line in system.drive.log("media")]


def objects(system: System) -> dict[str, str]:
    """Everything in the bucket: the md5 in the store's ETag, by key."""
    client, bucket = system.platform.minio(), system.platform.env["S3_BUCKET"]
    found = client.list_objects(bucket, recursive=True)
    return {str(o.object_name): str(o.etag).strip('"') for o in found}


def stays_still(system: System, job: str, seconds: float) -> None:
    """Nothing is stored, listed or left half uploaded while these seconds pass."""

    def all_there_is() -> object:
        row = {**system.get(f"/imports/{job}"), "waiting_for": None}
        listed = len(system.records("imports.listed"))
        uploads = list(system.platform.incomplete_uploads())
        return row, objects(system), len(outcomes(system, job)), listed, uploads

    before = all_there_is()
    time.sleep(seconds)
    assert all_there_is() == before

"""A real store behind a proxy that fails once, at each place of an upload, in each way: one table.

`tests/unit/transfer/test_fault_matrix.py` has the same faults together with those of Drive.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest

from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.core.events import FileStored
from services.core.flow.line import Line, LineSpec
from services.core.object_key import object_key
from services.core.settings import Reader
from services.transfer.lines import Lines
from services.transfer.service import Transfer
from tests.fakes.s3_server import Answer
from tests.fakes.transferring import Transferring, an_adaptation, said_of
from tests.platform import Platform, emptied
from tests.store_proxy import RESET, SILENT, Asked, store_proxy

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
PATIENCE = 1.5
"""Seconds without an answer, instead of minutes."""
FAULTS: Mapping[str, Answer] = {
    "429": Answer(429, "TooManyRequests", "Slow down."),
    "500": Answer(500, "InternalError", "We met an error."),
    "503": Answer(503, "ServiceUnavailable", "Please try again."),
    "reset": RESET,
    "timeout": SILENT,
}
PLACES = ("put", "create", "part", "complete")


class Cell(NamedTuple):
    """The fault happens `times`: once is a hiccup, four times is more than one client repeats."""

    fault: str
    at: str
    times: int

    @property
    def file_id(self) -> str:
        return f"file-{self.fault}-{self.at}-{self.times}"


CELLS = [Cell(fault, at, times) for fault in FAULTS for at in PLACES for times in (1, 4)]


def place_of(asked: Asked) -> str:
    """Which request of an upload this is."""
    if asked.method == "POST":
        return "create" if "uploads" in asked.path else "complete"
    if asked.method != "PUT":
        return ""
    return "part" if asked.part else "put"


@dataclass
class Outcomes:
    """Of all cells: what was published, the body, the objects, and which uploads are left."""

    events: Mapping[Cell, object]
    bodies: Mapping[Cell, bytes]
    keys: Mapping[Cell, str]
    objects: Mapping[str, str]
    unfinished: list[str]
    left: Mapping[Cell, int]


def patient_lines(lines: Lines) -> Lines:
    """That wait no longer than `PATIENCE` for a store."""
    still = ("store_unreachable", "The object store did not answer.")
    spec = LineSpec(name="to the store", limits="store_line", still=still, patience=PATIENCE)
    return replace(lines, up=Line(spec), up_in_parts=Line(spec))


async def copied(cell: Cell, settings: StoreSettings) -> tuple[object, bytes, str]:
    """Copy one file of its own through the proxy."""
    body = hashlib.sha256(cell.file_id.encode()).digest() * 2_000
    size = len(body) if cell.at == "put" else None  # without a size it goes in parts
    file = said_of(body, "md5", size=size, file_id=cell.file_id)
    worker = Transferring(body, file, store=ObjectStore(settings))  # type: ignore[arg-type]
    worker.lines = lines = patient_lines(worker.lines)
    worker.copier = replace(worker.copier, lines=lines)
    worker.transfer = Transfer(worker.copier, worker.publications, an_adaptation())
    event = await worker.outcome(file)
    worker.check_nothing_is_held()
    return event, body, object_key(file)


@pytest.fixture(scope="module")
def outcomes(servers: Mapping[str, str]) -> Iterator[Outcomes]:
    """All at once: they mostly wait."""
    left = {cell: cell.times for cell in CELLS}

    def answer(asked: Asked) -> Answer | None:
        for cell in CELLS:
            if left[cell] and cell.at == place_of(asked) and f"/{cell.file_id}_" in asked.path:
                left[cell] -= 1
                return FAULTS[cell.fault]
        return None

    with emptied(servers) as platform, store_proxy(platform.env["S3_ENDPOINT_URL"]) as proxy:
        proxy.answer = answer
        settings = replace(StoreSettings.read(Reader(platform.env)), endpoint_url=proxy.url)

        async def all_cells() -> list[tuple[object, bytes, str]]:
            return await asyncio.gather(*(copied(cell, settings) for cell in CELLS))

        found = dict(zip(CELLS, asyncio.run(all_cells()), strict=True))
        yield Outcomes(
            events={cell: event for cell, (event, _, _) in found.items()},
            bodies={cell: body for cell, (_, body, _) in found.items()},
            keys={cell: key for cell, (_, _, key) in found.items()},
            objects=objects_in(platform),
            unfinished=settled(platform),
            left=left,
        )


def objects_in(platform: Platform) -> Mapping[str, str]:
    """Their keys, and the MD5 of their bytes."""
    client, bucket = platform.minio(), platform.env["S3_BUCKET"]
    found = {}
    for each in client.list_objects(bucket, recursive=True):
        answer = client.get_object(bucket, str(each.object_name))
        found[str(each.object_name)] = hashlib.md5(answer.read()).hexdigest()
        answer.close()
        answer.release_conn()
    return found


def settled(platform: Platform) -> list[str]:
    """Uploads in parts that are left once a store had a moment to hear of the last one's end."""
    until = time.monotonic() + 10
    while (left := list(platform.incomplete_uploads())) and time.monotonic() < until:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.fault} at {cell.at} x{cell.times}")
def test_each_fault_at_each_place_ends_in_one_whole_object(outcomes: Outcomes, cell: Cell) -> None:
    event = outcomes.events[cell]
    assert isinstance(event, FileStored)
    md5 = hashlib.md5(outcomes.bodies[cell]).hexdigest()
    assert outcomes.objects[outcomes.keys[cell]] == event.md5 == md5
    assert event.object_key == outcomes.keys[cell]
    assert outcomes.left[cell] == 0, "the fault did not happen"


def test_nothing_is_left_of_what_failed(outcomes: Outcomes) -> None:
    assert set(outcomes.objects) == set(outcomes.keys.values())
    assert outcomes.unfinished == []

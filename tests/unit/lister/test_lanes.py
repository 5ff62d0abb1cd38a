"""A small import's pages behind a big import's, with three listers and the quota, in virtual time.

A folder of several pages is listed again to confirm it. So when all files of a big import are
found, half of its pages still wait for the quota.
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import pytest

from services.adapters.drive.client import GET, LIST
from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.reader import Raw
from services.adapters.worker import Worker
from services.core import events as e
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.flow.turns import CLAIM, SHARE, Claim, Rank
from services.core.ownership import Ownership
from services.core.wire import encode
from services.lister.__main__ import SPEC
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.messages import Recorder
from tests.fakes.virtual_time import VirtualLoop, in_virtual_time

QUOTA = QuotaSettings(
    per_minute=325_000,
    shares={"transfer": 0.88, "lister": 0.10, "preview": 0.02},
    counts_requests=False,
)
FOLDERS, PAGES = 10, 5
"""Of an import, and of each folder in a pass of a big one: 50,000 files."""


@dataclass
class Listers:
    """Each folder has its lister. `at` has the times at which pages were listed, by import."""

    loop: VirtualLoop
    count: int
    tasks: list[MessageTasks] = field(default_factory=list)
    quotas: list[QuotaLimiter] = field(default_factory=list)
    at: dict[str, list[float]] = field(default_factory=dict)
    offset: int = 0

    def __post_init__(self) -> None:
        for _ in range(self.count):
            part = 1 / self.count
            quota = QuotaLimiter(
                QUOTA, "lister", partial(float, part), lambda *_, **__: None, clock=self.loop.time
            )
            publisher = FakePublisher(FakeLog(), RuntimeError, "test")
            worker = Worker(SPEC, publisher, quota)
            handler = Recorder(partial(self._list, quota))
            self.quotas.append(quota)
            self.tasks.append(worker.tasks(SPEC.consumes[0], handler, partial(float, part)))

    async def begin(self, import_id: str) -> None:
        """As for `imports.requested`: the folder's name, and then its first page."""
        self.at[import_id] = []
        CLAIM.set(Claim(import_id, Rank.FIRST))
        await self.quotas[0].take(GET)
        self._request(import_id, 0, 0)

    async def listed(self, import_id: str, pages: int) -> None:
        while len(self.at[import_id]) < pages:
            await asyncio.sleep(0.05)

    async def _list(self, quota: QuotaLimiter, event: e.Message) -> None:
        assert isinstance(event, e.PageRequested)
        await quota.take(LIST)
        self.at[event.import_id].append(self.loop.time())
        folder, last = int(event.folder_id), 2 * PAGES if event.import_id != "small" else 1
        if not folder:
            for number in range(1, FOLDERS + 1):
                self._request(event.import_id, number, 1)
        elif event.page_number < last:
            self._request(event.import_id, folder, event.page_number + 1)

    def _request(self, import_id: str, folder: int, page: int) -> None:
        request = e.PageRequested(
            import_id=import_id, epoch=0, folder_id=str(folder), page_number=page
        )
        record, self.offset = encode(request, source="test"), self.offset + 1
        raw = Raw(
            topic=record.topic,
            partition=folder,
            offset=self.offset,
            key=record.key,
            value=record.value,
            headers=dict(record.headers),
        )
        delivery = Delivery(raw, Assignment(), ownership=Ownership(import_id, bulk=False))
        self.tasks[folder % self.count].deliver([delivery])


async def _seconds(loop: VirtualLoop, listers: int, bigs: int) -> float:
    """Until the small import is listed, asked for when all files of the big ones are found."""
    system, end = Listers(loop, listers), asyncio.Event()

    async def until_end() -> None:
        await end.wait()

    running = [asyncio.create_task(tasks.run(until_end())) for tasks in system.tasks]
    names = [f"big-{number}" for number in range(bigs)]
    for name in names:
        await system.begin(name)
    for name in names:
        await system.listed(name, 1 + FOLDERS * PAGES)
    began = loop.time()
    await system.begin("small")
    await system.listed("small", 1 + FOLDERS)
    took = loop.time() - began
    for name in names:  # nothing is lost of them
        await system.listed(name, 1 + 2 * FOLDERS * PAGES)
    end.set()
    await asyncio.gather(*running)
    return took


@pytest.mark.parametrize(("listers", "bigs"), [(1, 1), (3, 1), (3, 3)])
def test_a_small_import_is_listed_before_what_a_big_one_confirms(listers: int, bigs: int) -> None:
    """The others have one of eight turns. Beside that, the folder's name, its first page and its
    folders each wait at most until the page before them is paid for."""
    alone = in_virtual_time(lambda loop: _seconds(loop, listers, 0))
    behind = in_virtual_time(lambda loop: _seconds(loop, listers, bigs))
    page = 60 * LIST * listers / (QUOTA.per_minute * QUOTA.shares["lister"])
    steps = min(listers, 3)
    assert behind <= alone * SHARE / (SHARE - 1) + steps * page

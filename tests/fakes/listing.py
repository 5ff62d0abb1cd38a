"""A lister whose outside is in memory, and a Drive that lies to it, pass by pass."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from services.adapters.kafka.ranges import RangeReader
from services.core import events as e
from services.core.control import ImportControls
from services.core.errors import PAGE_TOKEN_INVALID, SetAside
from services.core.flow.circuit_breaker import Check, CircuitBreaker, unknown
from services.core.flow.resilience import Resilience
from services.core.ports import LARGEST_PAGE, Entry, Page
from services.core.topics import Topic
from services.lister.__main__ import SPEC
from services.lister.replay import Replays
from services.lister.service import DriveReader, Lister
from tests.fakes.drive import FakeDrive
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.messages import Publications
from tests.fakes.samples import RECEIVED, an_image

MOST_MESSAGES = 2_000
E = TypeVar("E", bound=e.Event)


def no_log() -> RangeReader:
    """For listings that recover nothing."""
    raise AssertionError("this listing has no log to read")


async def no_topic(topic: Topic) -> None:
    """Nothing is replayed here."""
    raise AssertionError(topic.name)


async def no_backlog(partition: int) -> tuple[int, int]:
    """For listings that replay nothing."""
    raise AssertionError(f"this listing replays nothing, and no partition {partition}")


class Listing:
    """A lister at work on a Drive; `publications` is the log. `check` is Drive's health check."""

    def __init__(
        self,
        drive: FakeDrive | None = None,
        publications: Publications | None = None,
        check: Check = unknown,
    ) -> None:
        self.drive = drive or FakeDrive(page_size=2)
        self.publications = publications or Publications()
        self.breaker = CircuitBreaker(lambda _why, _seconds: None, check)
        calls = Resilience("drive", SPEC.policy, self.breaker)
        self.reader = DriveReader(self.drive, calls)
        publisher = FakePublisher(FakeLog(), LookupError, "test")
        replays = Replays(no_log, publisher, ImportControls(), no_backlog, no_topic)
        self.lister = Lister(self.reader, self.publications, no_log, replays)

    async def handle(self, asked: e.Message) -> None:
        """One message."""
        await self.lister.handle(asked, RECEIVED)

    async def list_all(self, asked: e.PageRequested) -> None:
        """As Kafka would: every page that is asked for comes back as a message."""
        waiting, taken = deque([asked]), 0
        while waiting:
            taken += 1
            assert taken < MOST_MESSAGES, "it does not end"
            before = len(self.publications.events)
            await self.handle(waiting.popleft())
            news = self.publications.events[before:]
            waiting += [event for event in news if isinstance(event, e.PageRequested)]

    def published(self, kind: type[E]) -> list[E]:
        """All events of a kind, in their order."""
        return [event for event in self.publications.events if isinstance(event, kind)]

    @property
    def found(self) -> set[str]:
        """The ids of all files found."""
        return {file.file_id for file in self.published(e.FileFound)}

    @property
    def closed(self) -> set[str]:
        """The folders that a manifest closed."""
        return {listed.folder_id for listed in self.published(e.PageListed) if listed.closes}

    @property
    def passes(self) -> list[int]:
        """The pass of each page listed, in turn."""
        return [listed.pass_number for listed in self.published(e.PageListed)]


@dataclass(frozen=True, kw_only=True)
class Lie:
    """How one pass over a folder goes wrong; by default not at all.

    Each page begins with the last entries of the one before: as many as `overlaps`.
    `leaves_out` and `repeats` are indices among the folder's entries (modulo their number);
    `ends_after`, `incomplete_at`, `expires_at` and `circles_at` are numbers of pages.
    """

    leaves_out: frozenset[int] = frozenset()
    repeats: tuple[int, ...] = ()
    reverse: bool = False
    overlaps: int = 0
    ends_after: int | None = None
    incomplete_at: int | None = None
    expires_at: int | None = None
    circles_at: int | None = None

    @property
    def honest(self) -> bool:
        """Nothing is missing, and it comes to its end."""
        return replace(self, reverse=False, overlaps=0) == Lie()


@dataclass
class LyingDrive(FakeDrive):
    """One folder of so many images; each pass over it lies as the script says, then honestly."""

    images: int = 0
    script: Sequence[Lie] = ()
    told: list[list[str]] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.add_folder("root-1")
        self.truth = [an_image(n) for n in range(self.images)]

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        """`told` collects the ids of each pass, `whole` the passes that ended."""
        number = 0 if token is None else int(token.partition("@")[2])
        if token is None:
            self.told.append([])
        turn = len(self.told) - 1
        lie = self.script[turn] if turn < len(self.script) else Lie()
        if number and number == lie.expires_at:
            raise SetAside(PAGE_TOKEN_INVALID, "Too old.")
        entries = self._entries(lie)
        start = number * page_size
        shown = entries[max(0, start - lie.overlaps) : start + page_size]
        self.told[-1] += [entry.id for entry in shown]
        if ids_only:
            shown = [Entry(id=entry.id, name="", mime_type="") for entry in shown]
        more = (number + 1) * page_size < len(entries) and number + 1 != lie.ends_after
        following = f"{turn}@{number + 1}" if more else None
        if number and number == lie.circles_at:
            following = f"{turn}@1"
        incomplete = number + 1 == lie.incomplete_at
        if following is None and not incomplete:
            self.whole.append(turn)
        return Page(entries=shown, next_token=following, incomplete=incomplete)

    def _entries(self, lie: Lie) -> list[Entry]:
        count = len(self.truth)
        if not count:
            return []
        left_out = {n % count for n in lie.leaves_out}
        entries = [entry for n, entry in enumerate(self.truth) if n not in left_out]
        entries += [self.truth[n % count] for n in lie.repeats]
        return entries[::-1] if lie.reverse else entries

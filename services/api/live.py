"""What everybody watches, read once for all of them: one query at each wake, however many watch.

Nothing is queued for a client. It has the number of the last change that it was given, and gets
whatever changed since, each thing once. So a slow client costs as much as a fast one.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import randint

import msgspec
import structlog

from services.adapters.catalog.views.imports import ENDED_STATES, ImportProgress
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache, place_of
from services.api.import_views import ImportViews
from services.api.problems import Problem
from services.api.replay_views import ReplayViews
from services.api.windows import WindowCache
from services.core.errors import Verdict

EVERY_SECONDS = 0.25
"""The least time between two reads, and so between two changes that a client is given."""
REFRESH_SECONDS = 2.0
"""How long nobody may wake us: some of it changes with time, and a pooler notifies nobody."""
LATE_SECONDS, GIVE_UP_SECONDS = 3.0, 20.0
"""After the first, clients are told that the database does not answer; after both, it is asked
again."""
CATCH_UP_SECONDS = 2.0
COMMENT_SECONDS = 15.0
MOST_CLIENTS = 800
"""A process may often have only 1,024 files open, and a connection is one."""
NEWEST, MOST_OPEN = 20, 200
Name = tuple[str, str]
"""The event that tells of a thing, and its id."""
RATES: Name = ("rates", "")
COMMENT = b": still here\n\n"
LATE = ("database_unavailable", "The database is not responding.")
BEHIND = ("kafka_unavailable", "Kafka is not responding, so it is not known what was requested.")
log = structlog.get_logger()


class Trouble(msgspec.Struct, frozen=True):
    """Why nothing new is known. Over with the next snapshot."""

    code: str
    detail: str


def frame(event: str, data: bytes) -> bytes:
    """One event on the wire. JSON has no line breaks. The id is the time, in milliseconds."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (time.time_ns() // 10**6, event.encode(), data)


@dataclass(eq=False)
class Client:
    """`seen` is the last change that it was given."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0


@dataclass(eq=False)
class Channel:
    """One thing that is watched: an import, or under None all of them and the newest replays.

    `changes` has the newest event of each thing by its name, with the number of the change. A
    client that has seen nothing since `whole_since` gets the snapshot instead.
    """

    clients: set[Client] = field(default_factory=set)
    unknown: bool = False
    trouble: Trouble | None = None
    changes: dict[Name, tuple[int, bytes]] = field(default_factory=dict)
    number: int = 0
    whole_since: int = 0
    _data: Mapping[Name, bytes] = field(default_factory=dict)
    _snapshot: bytes = b""
    _after: dict[int, bytes] = field(default_factory=dict)

    def show(self, snapshot: bytes, data: Mapping[Name, bytes]) -> None:
        """Tell the clients what differs. `data` is JSON. All but the imports, which are in the
        snapshot, follow it."""
        again = self.trouble is not None or self.unknown or not self.number
        changed = [name for name, value in data.items() if self._data.get(name) != value]
        self.trouble, self.unknown, self._data = None, False, data
        if not changed and not again:
            return
        for name in changed:
            self.changes[name] = (self.number + 1, frame(name[0], data[name]))
        others = (frame(event, json) for (event, _), json in data.items() if event != "import")
        self._tell(frame("snapshot", snapshot) + b"".join(others))
        if again:
            self.whole_since = self.number
        behind = min((client.seen for client in self.clients), default=self.number)
        self.changes = {n: c for n, c in self.changes.items() if n in data or c[0] > behind}

    def fail(self, code: str, detail: str) -> None:
        trouble = Trouble(code, detail)
        if trouble != self.trouble:
            self.trouble = trouble
            self._tell(frame("trouble", msgspec.json.encode(trouble)))

    def end(self) -> None:
        self.unknown = True
        self._tell(b"")

    def after(self, seen: int) -> bytes:
        """What a client is given that has seen so much."""
        if self.trouble is not None or seen < self.whole_since:
            return self._snapshot if seen < self.number else b""
        if seen not in self._after:
            newer = [told for number, told in self.changes.values() if number > seen]
            self._after[seen] = b"".join(newer)
        return self._after[seen]

    def _tell(self, snapshot: bytes) -> None:
        self.number += 1
        self._snapshot = snapshot
        self._after = {}
        for client in self.clients:
            client.wake.set()


@dataclass(eq=False)
class Live:
    """Reads while somebody watches. `stopping` ends every stream."""

    views: ImportViews
    replays: ReplayViews
    requested: Tail[ImportCache]
    windows: Tail[WindowCache]
    stopping: asyncio.Event
    _channels: dict[str | None, Channel] = field(default_factory=dict)
    _open: Collection[str] = ()
    _trouble: tuple[str, str] | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self) -> None:
        """Something was written."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. Nothing that goes wrong ends it."""
        self.windows.view.changed = self.requested.view.changed = self.changed
        await self.requested.caught_up(CATCH_UP_SECONDS)
        while True:
            await self._woken(None if not self._channels else REFRESH_SECONDS)
            if self._channels:
                await self._refresh()
                await asyncio.sleep(EVERY_SECONDS)

    async def end_with(self) -> None:
        """End all streams once the process stops."""
        await self.stopping.wait()
        for channel in self._channels.values():
            for client in channel.clients:
                client.wake.set()

    def join(self, import_id: str | None) -> "Watch":
        """To be left. Raises a problem if too many watch already."""
        if sum(len(channel.clients) for channel in self._channels.values()) >= MOST_CLIENTS:
            raise Problem(
                "too_many_streams",
                f"This process already has {MOST_CLIENTS:,} open streams. Connect again later.",
                {"Retry-After": "10"},
            )
        channel, client = self._channels.setdefault(import_id, Channel()), Client()
        channel.clients.add(client)
        if not channel.number:
            self.changed()
            if self._trouble is not None:  # a database that hangs must not keep it waiting
                channel.fail(*self._trouble)
        return Watch(self, import_id, channel, client)

    def leave(self, watch: "Watch") -> None:
        watch.channel.clients.discard(watch.client)
        if not watch.channel.clients and self._channels.get(watch.import_id) is watch.channel:
            del self._channels[watch.import_id]

    async def _woken(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _refresh(self) -> None:
        reading = asyncio.ensure_future(self._read(dict(self._channels)))
        try:
            if not (await asyncio.wait({reading}, timeout=LATE_SECONDS))[0]:
                self._fail(*LATE)
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await reading
            self._trouble = None
        except Verdict as why:
            self._fail(why.reason, why.message)
        except TimeoutError:
            self._fail(*LATE)
        except Exception:
            log.exception("stream.not_read")
            self._fail("internal_error", "This is a bug in Drivestream. The API's log has it.")
        finally:
            reading.cancel()

    def _fail(self, code: str, detail: str) -> None:
        self._trouble = code, detail
        for channel in self._channels.values():
            channel.fail(code, detail)

    async def _read(self, channels: Mapping[str | None, Channel]) -> None:
        """What the channels show now."""
        everything = None in channels
        ids = {id for id in channels if id is not None}
        rows = await self.views.live(
            ids | {*self._open} if everything else ids,
            newest=NEWEST if everything else 0,
            most_open=MOST_OPEN if everything else 0,
        )
        reports = await self.views.reports([rows[id] for id in ids if id in rows])
        now = datetime.now(UTC)
        for id in ids:
            if id in reports:
                report = msgspec.json.encode(reports[id])
                channels[id].show(report, {("import", id): report, RATES: self._rates(id, now)})
            elif self.requested.state.caught_up:
                channels[id].end()
            else:
                channels[id].fail(*BEHIND)
        if everything:
            newest = await self.replays.newest(before=None, limit=NEWEST)
            replays = {("replay", one.id): msgspec.json.encode(one) for one in newest}
            replays[RATES] = self._rates(None, now)
            self._show_all(channels[None], list(rows.values()), replays)

    def _show_all(
        self, channel: Channel, rows: Sequence[ImportProgress], others: Mapping[Name, bytes]
    ) -> None:
        placed = sorted((r for r in rows if r.requested_at), key=place_of, reverse=True)
        # One that has ended is shown once more.
        listed = [
            row
            for number, row in enumerate(placed)
            if number < NEWEST or row.state not in ENDED_STATES or row.id in self._open
        ]
        self._open = [row.id for row in listed if row.state not in ENDED_STATES][:MOST_OPEN]
        data = {("import", row.id): msgspec.json.encode(self.views.view(row)) for row in listed}
        channel.show(b"[" + b",".join(data.values()) + b"]", {**data, **others})

    def _rates(self, import_id: str | None, now: datetime) -> bytes:
        return msgspec.json.encode(self.windows.view.live_rates(import_id, now))


@dataclass(eq=False)
class Watch:
    """What one client sees of a channel."""

    live: Live
    import_id: str | None
    channel: Channel
    client: Client

    async def known(self) -> bool:
        """Whether there is such a thing, as soon as that is known."""
        while not self.channel.number and not self.live.stopping.is_set():
            await self._changed(None)
        return not self.channel.unknown

    async def events(self, gone: asyncio.Future[None]) -> AsyncGenerator[bytes, None]:
        """What to send, until the client is gone, the import is, or the process ends."""
        gone.add_done_callback(lambda _: self.client.wake.set())
        # Clients of a process that ended come back at different times.
        yield b"retry: %d\n\n" % randint(500, 1500)
        loop = asyncio.get_running_loop()
        comment_at = loop.time() + COMMENT_SECONDS
        while not (gone.done() or self.channel.unknown or self.live.stopping.is_set()):
            if loop.time() >= comment_at:
                comment_at = loop.time() + COMMENT_SECONDS
                yield COMMENT
            elif self.client.seen < self.channel.number:
                told = self.channel.after(self.client.seen)
                self.client.seen = self.channel.number
                if told:
                    yield told
            else:
                await self._changed(comment_at - loop.time())

    async def _changed(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.client.wake.wait()
        self.client.wake.clear()

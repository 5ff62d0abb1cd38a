"""When a read replica is used: while it answers, and has what the primary had a moment ago."""

import pytest
from structlog.testing import capture_logs

from services.adapters.catalog.replica import (
    AWAY,
    MOST_BEHIND_SECONDS,
    MOST_SEEN,
    Offsets,
    ReplicaSettings,
    ReplicaWatch,
)
from services.core.errors import TryAgain
from services.core.settings import Reader

FILES = "files.stored"


class Pair:
    """A primary and its replica; None means away."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.primary: dict[tuple[str, int], int] | None = {(FILES, 0): 10, (FILES, 1): 5}
        self.replica: dict[tuple[str, int], int] | None = dict(self.primary or {})
        self.watch = ReplicaWatch(
            lambda: self._told(self.primary), lambda: self._told(self.replica), lambda: self.now
        )

    @staticmethod
    async def _told(offsets: Offsets | None) -> Offsets:
        if offsets is None:
            raise TryAgain("database_unavailable", "The database is not responding.")
        return dict(offsets)

    def write(self) -> None:
        assert self.primary is not None
        self.primary[FILES, 0] += 1

    async def pass_seconds(self, seconds: int, *, writing: bool = False) -> str | None:
        for _ in range(seconds):
            self.now += 1
            if writing:
                self.write()
            await self.watch.look()
        return self.watch.trouble


async def test_nothing_is_read_from_it_before_it_is_known_to_be_current() -> None:
    pair = Pair()
    assert pair.watch.trouble is not None
    pair.replica = {}
    await pair.watch.look()
    assert pair.watch.trouble is not None
    assert "not up to date" in pair.watch.trouble
    pair.replica = dict(pair.primary or {})
    await pair.watch.look()
    assert pair.watch.trouble is None


async def test_one_that_follows_closely_is_used_however_much_is_written() -> None:
    pair = Pair()
    for _ in range(30):
        pair.replica = dict(pair.primary or {})  # what the primary had a second ago
        assert await pair.pass_seconds(1, writing=True) is None or pair.now < 1_003


async def test_one_that_stands_still_is_used_while_nothing_is_written() -> None:
    pair = Pair()
    assert await pair.pass_seconds(60) is None


async def test_one_that_falls_behind_is_left_and_used_again_once_it_has_caught_up() -> None:
    pair = Pair()
    await pair.watch.look()
    assert await pair.pass_seconds(int(MOST_BEHIND_SECONDS), writing=True) is None
    trouble = await pair.pass_seconds(3, writing=True)
    assert (
        trouble == "The read replica is 8 s behind. Lists of images come from the primary database."
    )
    await pair.pass_seconds(2 * MOST_SEEN, writing=True)
    assert len(pair.watch._seen) == MOST_SEEN, "the queue has a bound"
    pair.replica = dict(pair.primary or {})
    assert await pair.pass_seconds(1) is None


async def test_a_partition_that_lags_is_enough() -> None:
    pair = Pair()
    await pair.watch.look()
    assert pair.primary is not None
    assert pair.replica is not None
    pair.primary[FILES, 1] = 6
    pair.replica[FILES, 0] = 1_000
    trouble = await pair.pass_seconds(10)
    assert trouble is not None


async def test_one_that_is_away_is_left_at_once_and_said_once() -> None:
    pair = Pair()
    await pair.watch.look()
    with capture_logs() as logs:
        pair.replica = None
        assert await pair.pass_seconds(5) == AWAY
        pair.replica = dict(pair.primary or {})
        assert await pair.pass_seconds(5) is None
    assert [line["event"] for line in logs] == ["api.replica_not_used", "api.replica_used"]


async def test_a_list_that_fails_makes_it_away_until_the_next_look() -> None:
    pair = Pair()
    await pair.watch.look()
    pair.watch.failed()
    assert pair.watch.trouble == AWAY
    assert await pair.pass_seconds(1) is None


async def test_while_the_primary_is_away_it_stays_in_use() -> None:
    pair = Pair()
    await pair.watch.look()
    pair.primary = None
    assert await pair.pass_seconds(60) is None
    pair.replica = None
    assert await pair.pass_seconds(1) == AWAY


@pytest.mark.parametrize("url", ["mysql://h/x", "postgresql://u:hush-hush@h:0/x"])
def test_its_url_is_checked_as_that_of_the_database(url: str) -> None:
    reader = Reader({"DATABASE_READ_URL": url})
    ReplicaSettings.read(reader)
    (fault,) = reader.faults
    assert fault.startswith("DATABASE_READ_URL must ")
    assert "hush" not in fault
    assert ReplicaSettings.read(Reader({})).database is None

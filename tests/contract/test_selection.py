"""What a replay would select: PostgreSQL's counts are those of a loop over the rows."""

import asyncio
import random
from contextlib import closing
from datetime import timedelta
from itertools import product

import psycopg
import pytest
from msgspec.structs import replace

from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.rows import FileRow, ImportRow, ReplayFileRow, Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.core.events import ReplayScope, Selection
from services.core.settings import Secret
from tests.catalog_rows import BEGAN, a_file, an_import, rows
from tests.fakes.selection import counted
from tests.platform import Platform

pytestmark = pytest.mark.real
REASONS = ("not_found", "download_failed", "lost")
REPLAY = "replay-1"


def random_file(draw: random.Random, number: int) -> FileRow:
    row = a_file(
        number,
        import_id=f"import-{draw.randrange(8):04}",
        folder_id=f"folder-{draw.randrange(5)}",
        size=draw.choice((None, 0, 1000, 2**42)),
        metadata_at=BEGAN + timedelta(minutes=draw.randrange(60)),
        metadata_source=draw.choice((2, 3, 3, 3)),
    )
    state = draw.choice(("pending", "skipped", "retried", "stored", "unchanged", "failed", "again"))
    at = BEGAN + timedelta(minutes=draw.randrange(120))
    if state in ("stored", "unchanged"):
        return replace(row, state=state, outcome_at=at, stored_size=77, listed=draw.random() < 0.5)
    if state in ("failed", "again"):  # `again` is pending, since a retry of it is under way
        reason, shown = draw.choice(REASONS[:2]), "failed" if state == "failed" else "pending"
        return replace(row, state=shown, outcome_at=at, reason=reason, message="It failed.")
    listed = state == "pending"
    return replace(row, state="skipped" if state == "skipped" else "pending", listed=listed)


def random_rows(draw: random.Random, count: int) -> Rows:
    imports: list[ImportRow] = []
    for number in range(7):  # of the eighth there are files, but no row
        control = draw.choice((None, "paused", "resumed", "stalled"))
        imports.append(an_import(number, control=control, cancelled=draw.random() < 0.2))
    made = rows(imports=imports, files=[random_file(draw, n) for n in range(count)])
    for import_id, file_id in draw.sample(sorted(made.files), count // 4):
        row = ReplayFileRow(replay_id=REPLAY, import_id=import_id, file_id=file_id)
        made.replay_files[row.replay_id, import_id, file_id] = row
    return made


def random_selection(draw: random.Random) -> Selection:
    """Each part is given or not; ids are some that are there and one that is not."""
    some = {
        "imports": [f"import-{n:04}" for n in range(9)] + [REPLAY, "replay-nope"],
        "folders": [f"folder-{n}" for n in range(6)],
        "files": [f"file-{n:04}" for n in range(0, 400, 3)],
        "outcomes": ["stored", "unchanged", "failed", "none"],
        "reasons": [*REASONS, "never"],
    }
    given = {
        name: tuple(draw.sample(values, draw.randint(1, len(values))))
        for name, values in some.items()
        if draw.random() < 0.3
    }
    since, until = (BEGAN + timedelta(minutes=draw.randrange(120)) for _ in range(2))
    times = {n: t for n, t in (("since", since), ("until", until)) if draw.random() < 0.3}
    return Selection(**given, **times)  # type: ignore[arg-type]


@pytest.fixture
def address(platform: Platform) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))


def save(address: DatabaseSettings, made: Rows) -> None:
    with closing(CatalogWriter(address)) as writer:
        writer.begin_offsets({("files.stored", 3): ("an-id", 12)})
        writer.save(Rows(), made, {})


async def test_counts_are_those_of_a_loop_over_random_rows(address: DatabaseSettings) -> None:
    draw = random.Random(9)
    made = random_rows(draw, 600)
    save(address, made)
    reader = CatalogReader(address)
    seen: list[int] = []
    for _, scope in product(range(40), ReplayScope):
        wanted, even_halted = random_selection(draw), draw.random() < 0.3
        found = await reader.count_selection(wanted, scope, even_halted=even_halted)
        assert found.consumed == {("files.stored", 3): ("an-id", 12)}
        expected = counted(made, wanted, scope, even_halted=even_halted)
        assert replace(found, consumed={}) == expected, (wanted, scope)
        seen.append(found.files)
    assert sum(map(bool, seen)) > 40  # most selections do select something
    await reader.close()


async def test_the_counts_are_of_one_moment(address: DatabaseSettings) -> None:
    """The indexer writes while the counting is under way: it sees nothing of that."""
    save(address, rows(imports=[an_import(1)], files=[a_file(n) for n in range(5)]))
    reader = CatalogReader(address)
    url = address.url.reveal()
    async with await psycopg.AsyncConnection.connect(url) as indexer:
        await indexer.execute("LOCK consumed_offsets IN ACCESS EXCLUSIVE MODE")
        counting = asyncio.create_task(reader.count_selection(Selection(), ReplayScope.ALL))
        await _waits_for_a_lock(url)
        await indexer.execute(
            "UPDATE import_files SET state = 'stored', outcome_at = now(), metadata_source = 3"
        )
        await indexer.execute("UPDATE consumed_offsets SET next_offset = 99")
        await indexer.commit()
        before = await counting
    after = await reader.count_selection(Selection(), ReplayScope.ALL)
    assert (before.by_outcome, before.consumed["files.stored", 3][1]) == ({"none": 5}, 12)
    assert (after.by_outcome, after.consumed["files.stored", 3][1]) == ({"stored": 5}, 99)
    await reader.close()


async def _waits_for_a_lock(url: str) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'drivestream-api' AND wait_event_type = 'Lock'"
    )
    async with (
        asyncio.timeout(60),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as admin,
    ):
        while await (await admin.execute(waiting)).fetchone() != (1,):
            await asyncio.sleep(0.02)

"""Lists of images from a real streaming replica: behind, caught up again, and gone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, suppress

import pytest

from services.adapters.catalog import reader, replica
from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.replica import AWAY, ReplicatedCatalog
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.images import ImageFilter
from services.adapters.catalog.writer import CatalogWriter
from services.core.settings import Secret
from tests.catalog_rows import an_image, an_import, rows
from tests.replica import Replica, replicated_postgres

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(400)]
ALL = ImageFilter()
TOPIC = "files.stored"


@pytest.fixture
def pair() -> Iterator[Replica]:
    with replicated_postgres() as pair:
        migrate(DatabaseSettings(url=Secret(pair.primary)))
        yield pair


@pytest.fixture
async def catalog(
    pair: Replica, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ReplicatedCatalog]:
    monkeypatch.setattr(replica, "MOST_BEHIND_SECONDS", 5.0)
    monkeypatch.setattr(replica, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(reader, "PAGE_ROWS", 10)
    catalog = ReplicatedCatalog(
        DatabaseSettings(url=Secret(pair.primary)), DatabaseSettings(url=Secret(pair.replica))
    )
    watching = asyncio.ensure_future(catalog.watch.run())
    yield catalog
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await catalog.close()


async def store(pair: Replica, numbers: Sequence[int]) -> None:
    """As the indexer does: rows, and how far it has read, in one transaction."""

    def save() -> None:
        with closing(CatalogWriter(DatabaseSettings(url=Secret(pair.primary)))) as writer:
            if numbers[0] == 0:
                writer.begin_offsets({(TOPIC, 0): ("a-topic", 0)})
            stored = rows(imports=[an_import(1)], images=[an_image(n) for n in numbers])
            writer.save(Rows(), stored, {(TOPIC, 0): (numbers[0], numbers[-1] + 1)})

    await asyncio.to_thread(save)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not condition():
            await asyncio.sleep(0.05)


async def listed(catalog: ReplicatedCatalog) -> int:
    found = await catalog.images(ALL, after=None, limit=100)
    assert len(found) == await catalog.count_images(ALL)
    return len(found)


async def test_a_replica_is_read_while_it_keeps_up_and_no_list_fails_when_it_goes(
    pair: Replica, catalog: ReplicatedCatalog
) -> None:
    await store(pair, range(25))
    await until(lambda: catalog.watch.trouble is None)
    assert await listed(catalog) == 25

    pair.pause()
    await store(pair, [25])
    assert await listed(catalog) == 25, "it was not the replica that was read"
    assert [row.id for row in await catalog.imports(before=None, limit=1)] == [an_import(1).id]
    assert (await catalog.consumed_offsets())[TOPIC, 0] == 26, "offsets are the primary's"
    await until(lambda: catalog.watch.trouble is not None)
    assert "behind" in (catalog.watch.trouble or "")
    assert await listed(catalog) == 26
    pair.resume()
    await until(lambda: catalog.watch.trouble is None)
    assert await listed(catalog) == 26

    pages = catalog.every_image(ALL)
    seen = [image.google_drive_id for image in await anext(pages)]
    pair.kill()
    seen += [image.google_drive_id async for page in pages for image in page]
    assert len(seen) == len(set(seen)) == 26, "the list goes on from the primary"
    assert await listed(catalog) == 26
    await until(lambda: catalog.watch.trouble == AWAY)

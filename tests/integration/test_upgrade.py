"""From an earlier version's tables and log to this one's: nothing that its API said is lost."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import VERSION
from services.core.errors import Stop
from services.core.settings import Reader
from tests.integration.api.process import Running, running
from tests.platform import Platform
from tests.rebuilds import Database
from tests.recordings.reading import RECORDINGS, UNRELEASED, Recording
from tests.unit.core.test_wire import keeps

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
each_recording = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda r: r.commit)
MIGRATED = [recording for recording in RECORDINGS if recording.commit != UNRELEASED]
each_migrated = pytest.mark.parametrize("recording", MIGRATED, ids=lambda r: r.commit)
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
CHECKS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
"""


@each_migrated
def test_its_tables_become_those_of_a_new_database(
    recording: Recording, platform: Platform
) -> None:
    new = tables(platform)
    restore(recording, platform)
    assert migrated(platform) == VERSION
    assert tables(platform) == new


def test_tables_of_before_the_first_version_are_refused_and_kept(platform: Platform) -> None:
    """They have the first version's number, and other columns: only the log can fill new ones."""
    [recording] = (one for one in RECORDINGS if one.commit == UNRELEASED)
    restore(recording, platform)
    with pytest.raises(Stop) as refused:
        migrated(platform)
    assert refused.value.reason == "tables_refused"
    with platform.database() as database:
        assert database.execute("SELECT count(*) FROM images").fetchone() == (70,)


@pytest.mark.long
@each_migrated
async def test_its_rows_are_answered_as_it_answered_them(
    recording: Recording, platform: Platform
) -> None:
    restore(recording, platform)
    migrated(platform)
    async with running(env_of(recording, platform)) as api:
        await api.until(200)
        for path, said in recording.answers.items():
            assert said is None or keeps(await asked(api, path), said), path


@pytest.mark.long
@each_recording
async def test_its_log_gives_a_new_database_what_it_answered(
    recording: Recording, platform: Platform
) -> None:
    """All but the numbers of images, and so their order: a rebuild numbers them anew."""
    database = Database(platform)
    await asyncio.to_thread(database.publish, [one.record for one in recording.log])
    code, _, said = await asyncio.to_thread(database.run)
    assert code == 0, said
    async with running(env_of(recording, platform)) as api:
        await api.until(200)
        for path, answer in recording.answers.items():
            if answer is None:
                continue
            now = await asked(api, path)
            if path == "/images":
                now, answer = by_drive_id(recording, now), by_drive_id(recording, answer)
            assert keeps(now, answer), path


def restore(recording: Recording, platform: Platform) -> None:
    with platform.database() as database:
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        database.execute(recording.database.encode())


def migrated(platform: Platform) -> str:
    """The version that the tables have now."""
    return migrate(DatabaseSettings.read(Reader(platform.env)))[1]


def tables(platform: Platform) -> Sequence[object]:
    """Everything that makes two databases the same before there is a row."""
    with platform.database() as database:
        return [database.execute(query).fetchall() for query in (COLUMNS, INDEXES, CHECKS)]


def env_of(recording: Recording, platform: Platform) -> Mapping[str, str]:
    """Its bucket, by the address that its answers have."""
    bucket, address = recording.settings["S3_BUCKET"], recording.settings["S3_ENDPOINT_URL"]
    return {**platform.env, "S3_BUCKET": bucket, "S3_PUBLIC_URL": address}


async def asked(api: Running, path: str) -> Any:
    answer = await api.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_drive_id(recording: Recording, images: Sequence[Mapping[str, Any]]) -> Mapping[str, object]:
    """Without their numbers. At first, `storage_path` was no URL."""
    left_out = {"id", "storage_path"} if recording.commit == UNRELEASED else {"id"}
    return {
        image["google_drive_id"]: {k: v for k, v in image.items() if k not in left_out}
        for image in images
    }

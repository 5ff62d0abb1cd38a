"""Kafka, the store, PostgreSQL and the API: a bounded, harmless question to each."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from local.doctor.configured import Surroundings, origin
from local.doctor.findings import Finding, guarded, note, unchecked, wrong
from local.servers.health import answers
from services.adapters.catalog import migrate
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.object_store import ObjectStore
from services.core.errors import Stop, Verdict
from services.core.settings import (
    DatabaseSettings,
    KafkaSettings,
    SettingsError,
    StoreSettings,
    read_settings,
)
from services.core.topics import ALL

KAFKA_SECONDS = 5.0
STORE_SECONDS = 20.0
SET_UP = "Run `drivestream setup`, which makes what is missing and changes nothing else."
START = "Start it, or correct {name}; `drivestream up` starts one of its own where {name} is unset."
NOT_NAMED = "not looked for: {name} is not set, and no copy runs here"
NEVER = "drivestream-doctor/never-there"


def servers(around: Surroundings) -> Sequence[Finding]:
    """What each of them answers."""
    found = [_copy(around)]
    for check, name, look in (
        ("Kafka", "KAFKA_BOOTSTRAP_SERVERS", _kafka),
        ("Store", "AWS_ACCESS_KEY_ID", _store),
        ("PostgreSQL", "DATABASE_URL", _database),
    ):
        if around.known.get(name):
            found += guarded(check, partial(look, around))
        else:
            found.append(unchecked(check, NOT_NAMED.format(name=name)))
    return found


def _copy(around: Surroundings) -> Finding:
    named = [n for n in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL") if around.env.get(n)]
    if around.running:
        url = around.known.get("API_URL", "")
        trouble = answers("The API", f"{url}/health/ready") if url else "It is still starting."
        if trouble:
            return wrong("API", trouble, "Its log, and `drivestream status`, say more.")
        return Finding(check="API", seen=f"answers at {url}, and says that it is ready")
    if named:
        return unchecked(
            "API", "no copy of Drivestream runs here; servers are named, so they are asked"
        )
    return wrong(
        "API", "Nothing of Drivestream runs on this machine.", "Start it with `drivestream up`."
    )


def _kafka(around: Surroundings) -> Sequence[Finding]:
    settings = read_settings(around.known, KafkaSettings.read)
    try:
        there = Topics(settings).existing(KAFKA_SECONDS)
    except KafkaUnavailableError as why:
        todo = START.format(name="KAFKA_BOOTSTRAP_SERVERS")
        return [wrong("Kafka", f"It does not answer: {why}", todo)]
    found = [Finding(check="Kafka", seen="answers")]
    missing = [topic.name for topic in ALL if topic.name not in there]
    other = [
        f"{topic.name} has {there[topic.name]} partitions, not {topic.partitions}"
        for topic in ALL
        if there.get(topic.name, topic.partitions) != topic.partitions
    ]
    if missing:
        found.append(wrong("Topics", f"These are missing: {', '.join(missing)}.", SET_UP))
    if other:
        todo = "Keys would move between partitions: use another cluster, or remove the topics."
        found.append(wrong("Partitions", f"{'; '.join(other)}.", todo))
    if not missing and not other:
        seen = f"all {len(ALL)} are there, with as many partitions as expected"
        found.append(Finding(check="Topics", seen=seen))
    return found


def _store(around: Surroundings) -> Sequence[Finding]:
    try:
        settings = read_settings(around.known, StoreSettings.read)
    except SettingsError:
        return [unchecked("Store", "not asked: its settings are at fault, see above")]
    return asyncio.run(_asked(ObjectStore(settings)))


class _EnoughError(Exception):
    """Ends an upload before it holds anything."""


async def _asked(store: ObjectStore) -> Sequence[Finding]:
    """It is asked to begin an upload, which is then called off: nothing is ever there to see."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await store.ready()
            found = [Finding(check="Store", seen=f"answers, and has the bucket {store.bucket}")]
            try:
                await store.put_stream(NEVER, _nothing(), content_type="text/plain")
            except _EnoughError:
                return [*found, Finding(check="Writing", seen="an upload may be begun")]
            except Verdict as why:
                todo = "Give the key of AWS_ACCESS_KEY_ID the right to put objects into the bucket."
                return [*found, wrong("Writing", why.message, todo)]
            return [*found, note("Writing", "could not be tried")]
    except Stop as why:
        return [wrong("Store", why.message, _store_todo(why.reason))]
    except TimeoutError:
        seen = f"It did not answer within {STORE_SECONDS:.0f} s."
        return [wrong("Store", seen, START.format(name="S3_ENDPOINT_URL"))]


async def _nothing() -> AsyncIterator[bytes]:
    raise _EnoughError
    yield b""


def _store_todo(reason: str) -> str:
    return {
        "no_bucket": SET_UP,
        "store_refused": "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.",
        "store_full": "Make room in it.",
    }.get(reason, START.format(name="S3_ENDPOINT_URL"))


def _database(around: Surroundings) -> Sequence[Finding]:
    try:
        settings = read_settings(around.known, DatabaseSettings.read)
    except SettingsError:
        return [unchecked("PostgreSQL", "not asked: DATABASE_URL is at fault, see above")]
    address = origin(settings.url.reveal())
    try:
        now, newest = _revisions(settings)
    except SQLAlchemyError as why:
        said = str(getattr(why, "orig", why)).strip().splitlines()
        return [
            wrong(
                "PostgreSQL",
                f"No connection to {address}: {said[-1] if said else type(why).__name__}",
                START.format(name="DATABASE_URL"),
            )
        ]
    found = Finding(check="PostgreSQL", seen=f"answers at {address}")
    if now == newest:
        return [found, Finding(check="Tables", seen=f"at the newest version, {newest}")]
    return [found, wrong("Tables", f"They are at version {now or 'none'}, not {newest}.", SET_UP)]


def _revisions(settings: DatabaseSettings) -> tuple[str | None, str | None]:
    """Of the tables that are there, and of the newest that this checkout has."""
    engine = migrate.engine(settings)
    try:
        with engine.connect() as connection:
            now = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    return now, ScriptDirectory.from_config(config).get_current_head()

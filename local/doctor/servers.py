"""Kafka, the store, PostgreSQL and the API: one harmless request to each, with a timeout."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import psycopg
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from local.doctor.configured import Configuration, origin
from local.doctor.findings import Finding, guarded, note, unchecked, wrong
from local.servers.health import http_problem
from local.show.waits import waits
from services.adapters.catalog import migrate
from services.adapters.catalog.connection import Session
from services.adapters.catalog.replica import ReplicaSettings
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop, Verdict
from services.core.settings import SettingsError, read_settings
from services.core.topics import ALL

KAFKA_SECONDS = 5.0
STORE_SECONDS = 20.0
SET_UP = "Run `drivestream setup`. It only creates what is missing."
START = "Start it, or correct {name}. If {name} is not set, `drivestream up` starts a server."
NOT_SET = "not checked: {name} is not set, and Drivestream is not running here"
SETTING = re.compile(r"KAFKA_\w+")
PROBE_KEY = "drivestream-doctor/never-there"


def servers(found: Configuration) -> Sequence[Finding]:
    """What each of them answers."""
    findings = [_copy(found)]
    for check, name, look in (
        ("Kafka", "KAFKA_BOOTSTRAP_SERVERS", _kafka),
        ("Store", "S3_ENDPOINT_URL", _store),
        ("PostgreSQL", "DATABASE_URL", _database),
    ):
        if found.known.get(name) or (check == "Store" and found.known.get("S3_BUCKET")):
            findings += guarded(check, partial(look, found))
        else:
            findings.append(unchecked(check, NOT_SET.format(name=name)))
    if found.known.get("DATABASE_READ_URL"):
        findings += guarded("Replica", partial(_replica, found))
    return findings


def _copy(found: Configuration) -> Finding:
    if found.copy_runs:
        url = found.known.get("API_URL", "")
        problem = http_problem("The API", f"{url}/health/ready") if url else "It is still starting."
        if problem:
            return wrong("API", problem, "See `drivestream status`, and its log.")
        waiting = "".join(f"; {sentence}" for sentence in waits(url))
        return Finding(check="API", seen=f"answers at {url}, and is ready{waiting}")
    if any(found.env.get(name) for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")):
        seen = "Drivestream is not running here, so the servers in the settings are checked"
        return unchecked("API", seen)
    seen = "Drivestream is not running on this machine."
    return wrong("API", seen, "Start it with `drivestream up`.")


def _kafka(configuration: Configuration) -> Sequence[Finding]:
    try:
        settings = read_settings(configuration.known, KafkaSettings.read)
    except SettingsError:
        return [unchecked("Kafka", "not checked: its settings are wrong, see above")]
    try:
        there = Topics(settings).existing(KAFKA_SECONDS)
    except KafkaUnavailableError as why:
        if named := SETTING.findall(str(why)):
            seen = f"It answers, but cannot be used: {why}."
            return [wrong("Kafka", seen, f"Correct {' or '.join(named)}.")]
        todo = START.format(name="KAFKA_BOOTSTRAP_SERVERS")
        return [wrong("Kafka", f"It is not responding: {why}", todo)]
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
        todo = "Use another KAFKA_TOPIC_PREFIX or cluster, or delete these topics."
        found.append(wrong("Partitions", f"{'; '.join(other)}.", todo))
    if not missing and not other:
        seen = f"all {len(ALL)} exist, with the expected partitions"
        found.append(Finding(check="Topics", seen=seen))
    return found


def _store(configuration: Configuration) -> Sequence[Finding]:
    try:
        settings = read_settings(configuration.known, StoreSettings.read)
    except SettingsError:
        return [unchecked("Store", "not checked: its settings are wrong, see above")]
    return asyncio.run(_store_answers(ObjectStore(settings)))


class _AbortError(Exception):
    """Ends an upload before it has any content."""


async def _store_answers(store: ObjectStore) -> Sequence[Finding]:
    """Starts an upload and aborts it, so that no object ever appears."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await store.ready()
            found = [Finding(check="Store", seen=f"answers, and has the bucket {store.bucket}")]
            try:
                await store.put_stream(PROBE_KEY, _no_content(), content_type="text/plain")
            except _AbortError:
                return [*found, Finding(check="Writing", seen="uploads are allowed")]
            except Verdict as why:
                todo = "Allow the owner of AWS_ACCESS_KEY_ID to put objects in the bucket."
                return [*found, wrong("Writing", why.message, todo)]
            return [*found, note("Writing", "could not be checked")]
    except Stop as why:
        return [wrong("Store", why.message, _store_todo(why.reason))]
    except TimeoutError:
        seen = f"It did not answer within {STORE_SECONDS:.0f} s."
        return [wrong("Store", seen, START.format(name="S3_ENDPOINT_URL"))]


async def _no_content() -> AsyncIterator[bytes]:
    raise _AbortError
    yield b""


def _store_todo(reason: str) -> str:
    return {
        "no_bucket": SET_UP,
        "store_refused": "Check the settings that begin with AWS_.",
        "store_credentials": "Give it keys, a profile or a role: see docs/settings.md.",
        "store_region": "Set AWS_REGION to the region of the bucket.",
        "store_clock": "Correct the wrong clock.",
        "store_settings": "Change the settings of the bucket.",
        "store_full": "Free some space in the store.",
    }.get(reason, START.format(name="S3_ENDPOINT_URL"))


def _database(configuration: Configuration) -> Sequence[Finding]:
    try:
        settings = read_settings(configuration.known, DatabaseSettings.read)
    except SettingsError:
        return [unchecked("PostgreSQL", "not checked: DATABASE_URL is wrong, see above")]
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
        return [found, Finding(check="Tables", seen=f"at the latest version, {newest}")]
    seen = f"The tables are at version {now}, not {newest}." if now else "The tables do not exist."
    return [found, wrong("Tables", seen, SET_UP)]


def _replica(configuration: Configuration) -> Sequence[Finding]:
    try:
        settings = read_settings(configuration.known, ReplicaSettings.read).database
    except SettingsError:
        settings = None
    if settings is None:
        return [unchecked("Replica", "not checked: DATABASE_READ_URL is wrong, see above")]
    address = origin(settings.url.reveal())
    try:
        with Session(settings, connect_timeout="5").connect(autocommit=True) as connection:
            [follows] = connection.execute("SELECT pg_is_in_recovery()").fetchone() or [False]
    except psycopg.Error as why:
        seen = f"No connection to {address}: {str(why).strip().splitlines()[-1]}"
        return [wrong("Replica", seen, START.format(name="DATABASE_READ_URL"))]
    if not follows:
        seen = f"{address} is not a streaming replica. It is used if the rows come there otherwise."
        return [note("Replica", seen)]
    return [Finding(check="Replica", seen=f"answers at {address}")]


def _revisions(settings: DatabaseSettings) -> tuple[str | None, str | None]:
    """The version of the tables, and the newest version that this checkout has."""
    engine = migrate.engine(settings)
    try:
        with engine.connect() as connection:
            now = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    return now, ScriptDirectory.from_config(config).get_current_head()

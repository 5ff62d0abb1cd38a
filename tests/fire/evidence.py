"""What is found when all is quiet, read from outside: Kafka from its beginning, the bucket byte by
byte, rows by SQL, the API as its users see it, and Drive's own log."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import confluent_kafka as ck

from services.adapters.kafka.reader import Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import (
    ALL,
    DEAD_LETTERS,
    FILES_FOUND,
    IMPORTS_PAGES,
    IMPORTS_REQUESTED,
    MONITOR_WINDOWS,
    Topic,
)
from services.indexer.service import CONSUMED
from tests.fire.checks.at_rest import Rest
from tests.fire.checks.imports import FileRow
from tests.fire.checks.objects import Image, Object
from tests.fire.client import Client
from tests.platform import Platform
from tests.system import System

STATES = ("stored", "unchanged", "failed", "pending")
GROUPS: Mapping[str, Topic] = {
    "lister-requests": IMPORTS_REQUESTED,
    "lister": IMPORTS_PAGES,
    "lister-replays": IMPORTS_PAGES,
    "transfer": FILES_FOUND,
}
SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Rows, by SQL."""

    states: Mapping[str, str]
    files: Sequence[FileRow]
    images: Sequence[Image]


def records(system: System) -> Sequence[Raw]:
    """Every record of every topic but the monitor's own, which only Faust can read."""
    return [
        raw for topic in ALL if topic is not MONITOR_WINDOWS for raw in system.records(topic.name)
    ]


def tables(platform: Platform) -> Tables:
    with platform.database() as database:
        imports = database.execute("SELECT id, state FROM imports").fetchall()
        files = database.execute(
            "SELECT import_id, file_id, state, reason, object_key, md5, sha256 FROM import_files"
        ).fetchall()
        images = database.execute("SELECT google_drive_id, md5, storage_path FROM images")
        return Tables(
            states=dict(imports),
            files=[
                FileRow(
                    import_id=import_id,
                    file_id=id,
                    state=state,
                    reason=reason,
                    object_key=key,
                    md5=md5,
                    sha256=sha256,
                )
                for import_id, id, state, reason, key, md5, sha256 in files
            ],
            images=[
                Image(file_id=id, md5=md5, key=unquote(path.rpartition("/")[2]))
                for id, md5, path in images
            ],
        )


def bucket(platform: Platform) -> Mapping[str, Object]:
    """Every object, read and hashed."""
    client, name = platform.minio(), platform.env["S3_BUCKET"]
    keys = [str(each.object_name) for each in client.list_objects(name, recursive=True)]

    def read(key: str) -> Object:
        answer = client.get_object(name, key)
        try:
            data = answer.read()
        finally:
            answer.close()
            answer.release_conn()
        return Object(len(data), hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest())

    with ThreadPoolExecutor(4) as threads:
        return dict(zip(keys, threads.map(read, keys), strict=True))


def counted(client: Client, jobs: Iterable[str]) -> Mapping[str, Mapping[str, int]]:
    """The files of each import by state, counted one by one through the API."""
    return {
        job: Counter(
            {
                state: len(client.every(f"/imports/{job}/files?state={state}&limit=1000"))
                for state in STATES
            }
        )
        for job in jobs
    }


def rest(system: System, client: Client) -> Rest:
    """How far each reader is behind, by our count and by the system's."""
    said: Mapping[str, Any] = client.get("/system")
    settings = KafkaSettings.read(Reader(system.platform.env))
    low, high = _bounds(settings, DEAD_LETTERS)[0]
    return Rest(
        behind={**_of_groups(settings), **_of_indexer(system, settings)},
        told={
            f"{row['group']} in {row['topic']}/{row['partition']}": row["messages"]
            for row in said["lag"]
        },
        unknown=said["unknown"],
        in_flight={
            name: system.figures(name).get("drivestream_worker_in_flight", 0.0)
            for name, process in system.processes.items()
            if process.running and name.startswith(("lister", "transfer"))
        },
        letters=high - low,
        letters_told=said["dead_letters"],
    )


def _bounds(settings: KafkaSettings, topic: Topic) -> Mapping[int, tuple[int, int]]:
    config = settings.brokers() | {"group.id": settings.prefixed("fire")}
    consumer = ck.Consumer(config)
    try:
        places = [
            ck.TopicPartition(settings.prefixed(topic.name), p) for p in range(topic.partitions)
        ]
        return {
            each.partition: consumer.get_watermark_offsets(each, timeout=SECONDS) for each in places
        }
    finally:
        consumer.close()


def _of_groups(settings: KafkaSettings) -> Mapping[str, int]:
    behind: dict[str, int] = {}
    for group, topic in GROUPS.items():
        member = ck.Consumer(settings.brokers() | {"group.id": settings.prefixed(group)})
        bounds = _bounds(settings, topic)
        try:
            asked = [ck.TopicPartition(settings.prefixed(topic.name), p) for p in bounds]
            for told in member.committed(asked, timeout=SECONDS):
                low, high = bounds[told.partition]
                reached = max(told.offset, low)
                behind[f"{group} in {topic.name}/{told.partition}"] = high - reached
        finally:
            member.close()
    return behind


def _of_indexer(system: System, settings: KafkaSettings) -> Mapping[str, int]:
    query = "SELECT topic, partition, next_offset FROM consumed_offsets"
    with system.platform.database() as database:
        read = {(topic, p): offset for topic, p, offset in database.execute(query)}
    return {
        f"indexer in {topic.name}/{p}": high - read.get((topic.name, p), low)
        for topic in CONSUMED
        for p, (low, high) in _bounds(settings, topic).items()
    }

"""One recording session, run with the code of an earlier version: see `record.py`.

    python session.py OUT    (in that version's folder, with its Python and PYTHONPATH)

It asks of that version's API whatever that version has, and writes down what came of it. So it must
not use what only today's tests have.
"""

import json
import lzma
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from drive_emulator.testing import EmulatorFailed
from services.core import wire
from services.core.topics import ALL
from tests.platform import Platform, emptied
from tests.samples import SAMPLES
from tests.system import System, link, running_system

SERVICES = ("api", "indexer", "lister", "transfer", "monitor", "webhooks")
WAIT = 90
GOOD, GONE, LOCKED = 20, 3, 2
SETTINGS = ("S3_BUCKET", "S3_ENDPOINT_URL")
CHANGELOG = "monitor.windows"  # without events
REFUSAL = {"do": "refuse", "reason": "notFound"}
LEFT_OUT = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")
"""Lines of a dump that only `psql`, or only the server that it came from, understands."""


def main(out: Path) -> None:
    with emptied(os.environ) as platform, running_system(platform, out / "logs") as system:
        system.start(*(name for name in SERVICES if Path("services", name).is_dir()))
        system.wait_ready()
        jobs = live(system)
        answers = {path: answer(system, path) for path in addresses(jobs)}
        kept = {name: platform.env[name] for name in SETTINGS}
        write(out / "answers.json", [{"settings": kept, "answers": answers}])
        with lzma.open(out / "database.sql.xz", "wt", preset=9) as file:
            file.write(dumped(platform))
        write(out / "log.jsonl", log(platform))
    write(out / "samples.jsonl", samples())


def write(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    with lzma.open(f"{path}.xz", "wt", preset=9) as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def samples() -> Iterator[Mapping[str, object]]:
    for name, event in SAMPLES.items():
        r = wire.encode(event, source="test")
        yield told(r.topic, r.key, r.value, list(r.headers)) | {"name": name}


def live(system: System) -> list[str]:
    """Imports with files of every kind, then all that can be asked of them; the import ids."""
    drive = system.drive
    names = [f"good-{n}.jpg" for n in range(GOOD)] + [f"gone-{n}.jpg" for n in range(GONE)]
    names += [f"locked/in-{n}.jpg" for n in range(LOCKED)] + ["Grüße/🌄.png", "notes.pdf"]
    items = [{"path": name.split("/"), "size": 6_000} for name in names]
    locked = {"path": "locked", "kind": "folder", "ref": "locked"}
    try:
        folder = drive.add_tree({"name": "recorded", "items": [locked, *items]}, render=True)
        drive.fault(REFUSAL, kinds=["media"], name="gone-*")
        drive.fault(REFUSAL, kinds=["list"], id=drive.refs("recorded")["locked"])
    except EmulatorFailed:  # the first emulator draws its trees itself, and has no faults
        drawn = {"name": "recorded", "pictures": 40, "depth": 2, "fan_out": 2, "size": 6_000}
        folder = drive.add_tree(drawn, render=True)
    first = system.post_import(link(folder))
    system.wait_import(first, WAIT)
    other = drive.add_tree({"name": "controlled", "pictures": 30, "size": 5_000}, render=True)
    paused = system.post_import(link(other))
    control(system, f"/imports/{paused}/pause")
    control(system, f"/imports/{paused}/resume")
    system.wait_import(paused, WAIT)
    cancelled = system.post_import(link(other))
    control(system, f"/imports/{cancelled}/cancel")
    system.wait_import(cancelled, WAIT)
    if hasattr(drive, "clear_faults"):
        drive.clear_faults()
    control(system, f"/imports/{first}/retry")
    system.wait_import(first, WAIT)
    replay(system, first)
    return [first, paused, cancelled]


def replay(system: System, job: str) -> None:
    """All of an import once more, at another pace after a moment."""
    plan = control(system, "/replays/plan", {"select": {"imports": [job]}, "mode": "all"})
    if plan is None:
        return
    asked = {"plan_id": plan["plan_id"], "name": "again", "why": "For the recording."}
    started = control(system, "/replays", asked | {"files_per_second": 5})
    control(system, f"/replays/{started['replay_id']}", {"files_per_second": 50}, "PATCH")
    system.until(
        lambda: system.get(f"/replays/{started['replay_id']}")["finished_at"] is not None,
        WAIT,
        "no end",
    )


def control(system: System, path: str, body: object = None, method: str = "POST") -> Any:
    """What a request is answered; None where this version has no such address."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{system.api_url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as said:
            return json.load(said)
    except urllib.error.HTTPError as refused:
        with refused:
            sys.stderr.write(f"{path}: {refused.code} {refused.read().decode()}\n")
        if refused.code not in (404, 405):
            raise
        return None


def addresses(jobs: list[str]) -> Iterator[str]:
    yield from ("/images", "/imports", "/replays")
    for job in jobs:
        yield from (f"/imports/{job}", f"/imports/{job}/files")


def answer(system: System, path: str) -> Any:
    try:
        return system.get(path)
    except urllib.error.HTTPError:
        return None


def dumped(platform: Platform) -> str:
    """The database as SQL that any client can run."""
    command = [os.environ["PG_DUMP"], "--inserts", "--rows-per-insert", "100", "--no-owner"]
    command += ["--no-privileges", platform.env["DATABASE_URL"]]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return "\n".join(line for line in lines if line and not line.startswith(LEFT_OUT)) + "\n"


def log(platform: Platform) -> Iterator[dict[str, object]]:
    """Every record of every topic."""
    consumer = Consumer(
        {"bootstrap.servers": platform.env["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "recording"}
    )
    prefix = platform.env.get("KAFKA_TOPIC_PREFIX", "")
    known = consumer.list_topics(timeout=10).topics
    for name in (t.name for t in ALL if prefix + t.name in known and t.name != CHANGELOG):
        for partition in known[prefix + name].partitions:
            place = TopicPartition(prefix + name, partition, 0)
            _, end = consumer.get_watermark_offsets(place, timeout=10)
            consumer.assign([place])
            offset = 0
            while offset < end:
                message: Any = consumer.poll(10)
                assert message is not None, f"{name}: nothing comes"
                assert message.error() is None, message.error()
                offset = message.offset() + 1
                line = told(name, message.key(), message.value(), message.headers() or [])
                at = {"partition": partition, "offset": message.offset()}
                yield line | at | {"at_ms": message.timestamp()[1]}
    consumer.close()


def told(topic: str, key: bytes, value: bytes, headers: list[Any]) -> dict[str, object]:
    told_headers = [[name, held.decode()] for name, held in headers]
    return {
        "topic": topic,
        "key": key.decode(),
        "value": None if value is None else value.decode(),
        "headers": told_headers,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))

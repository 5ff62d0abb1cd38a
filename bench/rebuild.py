"""How fast the tables are built again from the topics.

    python -m bench.rebuild                        # 1,000,000 images in 10 imports
    python -m bench.rebuild --images 100000
    python -m bench.rebuild --images 100000 --profile /tmp/rebuild.prof    # for pstats

Real Kafka, filled with real events, and a real PostgreSQL, on this machine; nothing else runs. The
rebuild is the command's own process. A table on standard output; what happens meanwhile goes to
standard error. Beside the time stands the CPU time, which says more on a machine that is shared.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import string
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.processes import children, tree_cpu_seconds
from local.paths import CHECKOUT
from local.run.start import running_servers, temporary_data_dir
from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader

IMPORTS, PAGE = 10, 1_000
LETTERS = string.ascii_letters + string.digits + "-_"
PROFILED = (
    "import cProfile, os, sys; from services.indexer.rebuild import main; "
    "cProfile.run('main([], os.environ)', sys.argv[1])"
)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def events(images: int) -> Iterator[Sequence[e.Message]]:
    """A history in which every file is stored: for each page its manifest and 1,000 outcomes."""
    draw = random.Random(1)
    pages = -(-images // PAGE)
    for number in range(pages):
        job, folder = f"job-{number % IMPORTS:032}", f"1{number % IMPORTS:032}"
        if number < IMPORTS:
            yield [
                e.ImportRequested(
                    import_id=job, folder_id=folder, folder_url=folder, requested_at=BEGAN
                )
            ]
        found = [a_file(job, folder, number * PAGE + n, draw) for n in range(PAGE)]
        yield [a_manifest(job, folder, number, found, last=number + IMPORTS >= pages)]
        yield [a_success(file, n + number * PAGE) for n, file in enumerate(found)]


def a_file(job: str, folder: str, number: int, draw: random.Random) -> e.FileFound:
    """As Drive lists a photograph."""
    return e.FileFound(
        import_id=job,
        file_id="1" + "".join(draw.choices(LETTERS, k=32)),
        name=f"IMG_{number:08}.jpg",
        mime_type="image/jpeg",
        folder_id=folder,
        found_at=BEGAN,
        size=2_000_000 + number,
        md5=f"{draw.getrandbits(128):032x}",
        sha256=f"{draw.getrandbits(256):064x}",
        version=3,
        created_time=BEGAN,
        modified_time=BEGAN,
        width=4032,
        height=3024,
    )


def a_manifest(
    job: str, folder: str, number: int, found: Sequence[e.FileFound], last: bool
) -> e.PageListed:
    """Of one page."""
    return e.PageListed(
        import_id=job,
        folder_id=folder,
        pass_number=0,
        page_number=number,
        listed_at=BEGAN,
        last=last,
        closes=last,
        entries=len(found),
        files=tuple(
            e.FileBrief(id=f.file_id, name=f.name, mime_type=f.mime_type, size=f.size)
            for f in found
        ),
    )


def a_success(file: e.FileFound, number: int) -> e.FileStored:
    """As the transfer tells of it."""
    at = BEGAN + timedelta(milliseconds=number)
    return e.FileStored(
        import_id=file.import_id,
        file=file,
        bucket="drivestream",
        object_key=f"{file.folder_id}/{file.file_id}_{(file.md5 or '')[:12]}_{file.name}",
        size=file.size or 0,
        stored_at=at,
        md5=file.md5,
        sha256=file.sha256,
        seconds=0.25,
        tries=(e.Attempt(system="drive", at=at, seconds=0.2, answer="ok"),),
        found_in=e.Place(topic="files.found", partition=0, offset=number),
    )


async def publish(kafka: KafkaSettings, images: int) -> int:
    """Fill the topics; how many records they hold then."""
    records = 0
    async with Publisher(kafka, source="bench", linger_ms=50) as publisher:
        for some in events(images):
            await publisher.publish(some)
            records += len(some)
    return records


def rebuild(env: Mapping[str, str], profile: str | None) -> float:
    """Run the command; its seconds."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    how = ["-c", PROFILED, profile] if profile else ["-m", "services.indexer.rebuild"]
    began = time.monotonic()
    subprocess.run([sys.executable, *how], env={**inherited, **env}, cwd=CHECKOUT, check=True)
    return time.monotonic() - began


def row_counts(address: str) -> Mapping[str, int]:
    """What the tables hold, and what the imports say of themselves."""
    with psycopg.connect(address) as database:
        row = database.execute(
            "SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM import_files), "
            "(SELECT sum(stored) FROM imports WHERE state = 'completed')"
        ).fetchone()
    assert row is not None
    return dict(zip(("images", "files", "stored"), map(int, row), strict=True))


def cpu_by_process() -> defaultdict[str, float]:
    """CPU seconds of what this process runs, by its name; of that which has ended, as `ended`."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    used: defaultdict[str, float] = defaultdict(float, ended=ended.ru_utime + ended.ru_stime)
    for child in children(os.getpid()):
        used[Path(f"/proc/{child}/comm").read_text().strip()] += tree_cpu_seconds(child)
    return used


def show(
    figures: Mapping[str, float], used: dict[str, float], counts: Mapping[str, int], load: float
) -> None:
    """The table."""
    images, seconds = figures["images"], figures["seconds"]
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    rows = {
        "images": f"{images:,}",
        "events": f"{figures['events']:,}",
        "seconds": f"{seconds:.1f}",
        "images a second": f"{images / seconds:,.0f}",
        "its CPU seconds": f"{used.pop('ended'):.1f}",
        **{f"CPU seconds of {name}": f"{cpu:.1f}" for name, cpu in used.items()},
        "rows found": json.dumps(counts),
        "load average before": f"{load:.1f} on {os.cpu_count()} cores",
        "largest child, MB": f"{largest / 1024:.0f}",
    }
    for name, value in rows.items():
        sys.stdout.write(f"{name:24}{value}\n")


def main() -> int:
    """0 if every image is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--profile", help="write a profile of cProfile there")
    given = parser.parse_args()
    images = -(-given.images // PAGE) * PAGE
    with (
        temporary_data_dir() as folder,
        running_servers(folder, ["kafka", "postgres"]) as servers,
    ):
        reader = Reader(servers)
        kafka = KafkaSettings.read(reader)
        Topics(kafka).create()
        migrate(DatabaseSettings.read(reader))
        sys.stderr.write(f"Publishing {images:,} images.\n")
        records = asyncio.run(publish(kafka, images))
        load = os.getloadavg()[0]
        before = cpu_by_process()
        seconds = rebuild(servers, given.profile)
        used = {name: cpu - before[name] for name, cpu in cpu_by_process().items()}
        counts = row_counts(servers["DATABASE_URL"])
    figures = {"images": images, "events": records, "seconds": seconds}
    if given.json:
        sys.stdout.write(json.dumps({**figures, "cpu_seconds": used["ended"]}) + "\n")
    else:
        show(figures, used, counts, load)
    return 0 if set(counts.values()) == {images} else 1


if __name__ == "__main__":
    raise SystemExit(main())

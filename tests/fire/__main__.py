"""`python -m tests.fire`: sets the system on fire, and says what of it still holds.

    --minutes N   how long faults are thrown (10)
    --seed S      which (1): the same seed throws the same
    --folder F    where history, logs and report go (build/fire/SEED)

Exit codes: 0 all properties hold, 1 one does not. While the file exists that FIRE_PAUSE_FILE names,
nothing new is thrown or asked for.
"""

import argparse
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException
from minio.error import S3Error
from urllib3.exceptions import HTTPError

from drive_emulator.testing import EmulatorFailed
from local.paths import CHECKOUT
from local.run.start import temporary_data_dir
from services.adapters.kafka.errors import KafkaUnavailableError
from tests.fire import plan, report
from tests.fire.checks.verdict import verdict
from tests.fire.client import NoAnswer
from tests.fire.fire import Fire, burn
from tests.fire.gathering import gather
from tests.fire.history import History
from tests.fire.properties import check
from tests.fire.servers import restartable_servers
from tests.fire.store_moods import StoreMoods
from tests.platform import emptied
from tests.run import IN_MEMORY
from tests.store_proxy import store_proxy
from tests.system import running_system

UNFINISHED = (
    *(AssertionError, NoAnswer, OSError, EmulatorFailed, subprocess.SubprocessError),
    *(KafkaException, KafkaUnavailableError, psycopg.Error, S3Error, HTTPError),
)
SETTINGS = {"TRANSFER_CONCURRENCY": "8", "TRANSFER_MEMORY_MB": "64"}
SLOW_DRIVE = ("--delay", "media=400", "--delay", "list=100")
"""So that there is always something in hand."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.fire")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args(arguments)
    folder: Path = given.folder or CHECKOUT / "build" / "fire" / str(given.seed)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    about: dict[str, object] = {"seed": given.seed, "minutes": given.minutes, "folder": str(folder)}
    with _set_up(folder, given.seed) as fire:
        try:
            seconds = given.minutes * 60
            burn(fire, plan.faults(given.seed, seconds), plan.asks(given.seed, seconds), seconds)
            found = gather(fire)
            verdicts = check(found)
            about |= found.sizes()
        except UNFINISHED as why:  # it must be told what was thrown, whatever came of it
            traceback.print_exc()
            verdicts = [verdict("the fire came to its end", "it did not", [f"{why!r}"])]
    about["seconds"] = round(time.monotonic() - began)
    told = report.document(fire.history, verdicts, about)
    report.write(told, folder)
    sys.stdout.write(report.text(told))
    return 0 if told["holds"] else 1


@contextmanager
def _set_up(folder: Path, seed: int) -> Iterator[Fire]:
    history = History(folder / "history.jsonl")
    parent = IN_MEMORY if IN_MEMORY.is_dir() else None
    with (
        temporary_data_dir(parent) as data,
        restartable_servers(data) as servers,
        emptied(servers.settings) as platform,
        store_proxy(platform.env["S3_ENDPOINT_URL"]) as proxy,
        running_system(
            platform, folder / "logs", {"S3_ENDPOINT_URL": proxy.url, **SETTINGS}, SLOW_DRIVE
        ) as system,
    ):
        yield Fire(system, servers, StoreMoods(proxy, seed), history, seed)
    history.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

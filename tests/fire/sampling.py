"""What is watched all the while: memory, what groups have committed, and the equation."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import confluent_kafka as ck

from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import FILES_FOUND, IMPORTS_PAGES, IMPORTS_REQUESTED, Topic
from tests.fire.client import call
from tests.system import System

COMMITS_EVERY, EQUATIONS_EVERY = 2, 3
PARTS = ("stored", "unchanged", "failed", "pending")
TRANSFER = "transfer"
TOPICS: Mapping[str, Topic] = {
    TRANSFER: FILES_FOUND,
    "lister": IMPORTS_PAGES,
    "lister-replays": IMPORTS_PAGES,
    "lister-requests": IMPORTS_REQUESTED,
}
"""What the groups read whose members commit what they have finished. The monitor's is moved back at
each start."""


@dataclass(frozen=True)
class Commit:
    """What a group had committed of one partition. `at` is a time after the answer, in
    milliseconds since the epoch."""

    at: int
    partition: int
    offset: int
    group: str = TRANSFER


@dataclass
class Samples:
    """`memory` is the most that each process had at once, in bytes."""

    memory: dict[str, int] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    equations: int = 0
    broken: list[Mapping[str, Any]] = field(default_factory=list)


def resident(pid: int) -> int:
    """Bytes; 0 if the process has just ended."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return 0


def _never_joins(settings: KafkaSettings, group: str) -> ck.Consumer:
    """It only asks what the group has committed."""
    own = {"group.id": settings.prefixed(group), "log_level": 0}
    return ck.Consumer(settings.brokers() | own)


class Sampler:
    """One thread for each of the three, so that none waits for what hangs for another."""

    def __init__(self, system: System, samples: Samples) -> None:
        self.samples = samples
        self._system = system
        settings = KafkaSettings.read(Reader(system.platform.env))
        self._members = {group: _never_joins(settings, group) for group in TOPICS}
        self._places = {
            group: [
                ck.TopicPartition(settings.prefixed(topic.name), p) for p in range(topic.partitions)
            ]
            for group, topic in TOPICS.items()
        }
        self._over = threading.Event()
        watches: Sequence[tuple[Callable[[], None], int]] = (
            (self._memory, 1),
            (self.commits, COMMITS_EVERY),
            (self._equations, EQUATIONS_EVERY),
        )
        self._threads = [threading.Thread(target=self._run, args=watch) for watch in watches]

    def __enter__(self) -> "Sampler":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for member in self._members.values():
            member.close()

    def _run(self, watch: Callable[[], None], seconds: int) -> None:
        while not self._over.wait(seconds):
            watch()

    def _memory(self) -> None:
        memory = self.samples.memory
        for name, process in list(self._system.processes.items()):
            if (pid := process.pid) is not None:
                memory[name] = max(memory.get(name, 0), resident(pid))

    def commits(self) -> None:
        for group, member in self._members.items():
            with suppress(ck.KafkaException):
                told = member.committed(self._places[group], timeout=5)
                at = int(time.time() * 1000)
                self.samples.commits += [
                    Commit(at, each.partition, each.offset, group)
                    for each in told
                    if each.error is None and each.offset >= 0
                ]

    def _equations(self) -> None:
        with suppress(OSError, ValueError):
            status, rows, _ = call(f"{self._system.api_url}/imports?limit=100")
            if status != 200:
                return
            self.samples.equations += len(rows)
            self.samples.broken += [
                row for row in rows if row["found"] != sum(row[part] for part in PARTS)
            ]

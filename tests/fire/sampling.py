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
from services.core.topics import FILE_PARTITIONS, FILES_FOUND
from tests.fire.client import call
from tests.system import System

COMMITS_EVERY, EQUATIONS_EVERY = 2, 3
PARTS = ("stored", "unchanged", "failed", "pending")
GROUP = "transfer"


@dataclass(frozen=True)
class Commit:
    """What the transfers' group had committed of one partition. `at` is a time after the answer,
    in milliseconds since the epoch."""

    at: int
    partition: int
    offset: int


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


class Sampler:
    """One thread for each of the three, so that none waits for what hangs for another."""

    def __init__(self, system: System, samples: Samples) -> None:
        self.samples = samples
        self._system = system
        settings = KafkaSettings.read(Reader(system.platform.env))
        config = settings.brokers() | {"group.id": settings.prefixed(GROUP), "log_level": 0}
        self._member = ck.Consumer(config)  # it never joins
        name = settings.prefixed(FILES_FOUND.name)
        self._places = [ck.TopicPartition(name, p) for p in range(FILE_PARTITIONS)]
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
        self._member.close()

    def _run(self, watch: Callable[[], None], seconds: int) -> None:
        while not self._over.wait(seconds):
            watch()

    def _memory(self) -> None:
        memory = self.samples.memory
        for name, process in list(self._system.processes.items()):
            if (pid := process.pid) is not None:
                memory[name] = max(memory.get(name, 0), resident(pid))

    def commits(self) -> None:
        with suppress(ck.KafkaException):
            told = self._member.committed(self._places, timeout=5)
            at = int(time.time() * 1000)
            self.samples.commits += [
                Commit(at, each.partition, each.offset)
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

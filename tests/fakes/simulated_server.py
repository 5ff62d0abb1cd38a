"""A server with a capacity and a latency, in virtual time, and clients that keep to their limits.

Little's law holds: a client's files a second are its files in hand by how long each is there. A
file takes `latency` seconds beside all others, and then its turn at one of `servers`, first come
first served, for `service` seconds on average (exponentially distributed, unless it goes by size).
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.core.flow.gradient import Stay, size_class

SMALL = 100_000


class Limit(Protocol):
    """An `AdaptiveLimit`, or a `FixedLimit`."""

    limit: int

    def finished(self, now: float, stay: Stay, slot_seconds: float) -> None: ...


class FixedLimit:
    def __init__(self, limit: int) -> None:
        self.limit = limit

    def finished(self, now: float, stay: Stay, slot_seconds: float) -> None:
        """It does not adapt."""


class InHand(NamedTuple):
    client: int
    began: float
    size: int
    waited: float


@dataclass(kw_only=True)
class Load:
    """What files are like. Functions of the time may change while the simulation runs."""

    latency: Callable[[float], float] = lambda _now: 0.0
    service: Callable[[float], float] = lambda _now: 0.005
    bytes_a_second: float = 0.0  # instead of `service`
    servers: int = 1
    size: Callable[[random.Random], int] = lambda _draw: SMALL
    waits: Callable[[float], float] = lambda _now: 0.0  # for quota, before all else
    backlog: Callable[[float], bool] = lambda _now: True


@dataclass
class SimulatedServer:
    """Runs when it is told to. `finished` has the time of every file, `limits` every change."""

    clients: Sequence[Limit]
    load: Load
    seed: int = 1
    now: float = 0.0
    finished: list[float] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self._events: list[tuple[float, int, Callable[[InHand], None], InHand]] = []
        self._in_use = [0] * len(self.clients)
        self._slot_seconds = [0.0] * len(self.clients)
        self._queue: deque[InHand] = deque()
        self._busy = self._number = 0

    def run(self, until: float) -> "SimulatedServer":
        self._take()
        while self._events and self._events[0][0] <= until:
            before, (self.now, _, then, file) = self.now, heapq.heappop(self._events)
            for client, in_use in enumerate(self._in_use):
                self._slot_seconds[client] += in_use * (self.now - before)
            then(file)
            self._take()
        self.now = until
        return self

    def rate(self, begin: float, end: float) -> float:
        """Files a second."""
        return sum(begin <= at < end for at in self.finished) / (end - begin)

    def add_huge_file(self, seconds: float) -> None:
        """One of 3 GiB for the first client, which the server sends beside all others."""
        self._in_use[0] += 1
        self._after(seconds, self._leave, InHand(0, self.now, 3 << 30, 0.0))

    def _after(self, seconds: float, then: Callable[[InHand], None], file: InHand) -> None:
        self._number += 1
        heapq.heappush(self._events, (self.now + seconds, self._number, then, file))

    def _take(self) -> None:
        for number, client in enumerate(self.clients):
            if not number and (not self.limits or self.limits[-1][1] != client.limit):
                self.limits.append((self.now, client.limit))
            while self._in_use[number] < client.limit and self.load.backlog(self.now):
                self._in_use[number] += 1
                waits = self.load.waits(self.now)
                file = InHand(number, self.now, self.load.size(self._draw), waits)
                self._after(waits + self.load.latency(self.now), self._arrive, file)

    def _arrive(self, file: InHand) -> None:
        self._queue.append(file)
        self._serve()

    def _serve(self) -> None:
        while self._queue and self._busy < self.load.servers:
            self._busy += 1
            file = self._queue.popleft()
            self._after(self._seconds(file), self._served, file)

    def _seconds(self, file: InHand) -> float:
        if self.load.bytes_a_second:
            return file.size / self.load.bytes_a_second
        return self._draw.expovariate(1 / self.load.service(self.now))

    def _served(self, file: InHand) -> None:
        self._busy -= 1
        self._serve()
        self._leave(file)

    def _leave(self, file: InHand) -> None:
        self.finished.append(self.now)
        worked = self.now - file.began - file.waited
        stay = Stay(size_class(file.size), file.began, worked, file.waited)
        self.clients[file.client].finished(self.now, stay, self._slot_seconds[file.client])
        self._in_use[file.client] -= 1

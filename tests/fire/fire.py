"""One fire: faults begin and end at their times, and users go on asking meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fire.client import Client
from tests.fire.faults import Faults
from tests.fire.history import History
from tests.fire.load import Load, Trees
from tests.fire.pace import TICK_SECONDS, Pace
from tests.fire.plan import SERVICES, Ask, Fault
from tests.fire.sampling import Sampler, Samples
from tests.fire.servers import Servers
from tests.fire.store_moods import StoreMoods
from tests.fire.workers import Workers
from tests.system import System

RECOVERY_SECONDS = 90.0


@dataclass
class Fire:
    """What burns, and what is known of it."""

    system: System
    servers: Servers
    store: StoreMoods
    history: History
    seed: int
    samples: Samples = field(default_factory=Samples)

    def __post_init__(self) -> None:
        self.workers = Workers(self.system, self.history)
        self.faults = Faults(self.system, self.workers, self.servers, self.store, self.history)
        self.trees = Trees(self.system.drive, self.seed)
        self.client = Client(self.system.api_url)
        self.load = Load(self.client, self.trees, self.history, self.seed)


def burn(fire: Fire, faults: Sequence[Fault], asks: Sequence[Ask], seconds: float) -> None:
    """All of it; returns when nothing burns any more, and every service runs."""
    fire.system.start(*SERVICES)
    fire.system.wait_ready()
    with Sampler(fire.system, fire.samples):
        pace = Pace()
        asking = fire.load.run(asks, pace)
        try:
            still = _throw(fire, faults, pace, seconds)
        finally:
            pace.end()
        for fault in still:
            fire.faults.end(fault)
        fire.servers.wait(RECOVERY_SECONDS)
        asking.join()
        fire.faults.settle()
        fire.workers.settle()
    fire.history.add("note", says="the fire is over")


def _throw(fire: Fire, faults: Sequence[Fault], pace: Pace, seconds: float) -> Sequence[Fault]:
    """Those that have begun and not ended when the time is up."""
    begins = sorted(faults, key=lambda fault: fault.at)
    burning: list[Fault] = []
    while (now := pace.now()) < seconds:
        over = [each for each in burning if pace.must_stand or each.at + each.lasts <= now]
        for fault in over:
            burning.remove(fault)
            fire.faults.end(fault)
        if pace.must_stand:
            pace.stand(fire.workers.watch)
            continue
        while begins and begins[0].at <= now:
            fault = begins.pop(0)
            if fire.faults.begin(fault, fire.load.jobs):
                burning.append(fault)
        fire.workers.watch()
        time.sleep(TICK_SECONDS)
    return burning

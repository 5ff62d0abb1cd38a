"""The dice: which faults are thrown when, and what is asked for meanwhile. Pure.

The same seed gives the same plan, whatever the machine makes of it. Times are seconds of fire.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SERVICES = (
    *("api", "lister-1", "lister-2", "transfer-1", "transfer-2"),
    *("indexer-1", "indexer-2", "monitor"),
)
SPARE = ("transfer-3", "lister-3")
"""They are not there at first: one is added, and removed again."""
REFUSALS = (
    *("rateLimitExceeded", "userRateLimitExceeded", "quotaPerMinute", "tooManyRequests"),
    *("backendError", "badGateway", "unavailable", "internalError"),
)
"""What Google answers for a while, and not for ever."""
POISONED = ("files.found", "files.stored", "imports.pages", "imports.listed", "imports.requested")
STRIKES, SERVERS = ("kill", "stop", "freeze", "add"), ("kafka", "postgres", "minio")
"""What is thrown at services, and at servers."""
MIB = 1024 * 1024
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>{}</title><!--{}--></svg>'


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`kind` at `target` for some seconds. `share` is a number from 0 to 1 for what depends on what
    there is by then."""

    at: float
    kind: str
    target: str
    lasts: float = 0.0
    effect: Mapping[str, object] = field(default_factory=dict)
    kinds: Sequence[str] = ()
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Something asked of the API. `share` says of which tree or import, of those there are then."""

    at: float
    what: str
    files: int = 0
    share: float = 0.0
    lasts: float = 0.0


TARGETS: Mapping[str, Sequence[str]] = {
    "kill": SERVICES,
    "stop": SERVICES,
    "freeze": SERVICES,
    "add": SPARE,
    "kafka": ["kafka restart", "kafka kill", "kafka freeze"],
    "postgres": ["postgres restart", "postgres crash"],
    "minio": ["minio kill", "minio freeze"],
    "store": ["store down", "store errors", "store slow", "store loses answers"],
    "drive": ["drive 1", "drive 2", "drive 3"],
    "emulator": ["emulator freeze"],
    "poison": [f"poison {topic}" for topic in POISONED],
}
FAULTS: Mapping[str, int] = {
    "kill": 8,
    "stop": 6,
    "freeze": 4,
    "add": 3,
    "kafka": 3,
    "postgres": 3,
    "minio": 2,
    "store": 6,
    "drive": 10,
    "emulator": 1,
    "poison": 5,
}
"""Kinds, and how often one is thrown beside the others."""
ASKS: Mapping[str, int] = {
    "small": 6,
    "large": 5,
    "again": 4,
    "changed": 3,
    "pause": 3,
    "cancel": 1,
    "retry": 2,
    "replay": 2,
}


NEW = ("small", "large", "pause", "cancel")
"""What begins with an import of a new tree."""


def faults(seed: int, seconds: float) -> Sequence[Fault]:
    """What is thrown, in order. The first of each kind come first, so that a short fire has all."""
    draw = random.Random(f"faults/{seed}")
    kinds = draw.sample(list(FAULTS), len(FAULTS))
    thrown: list[Fault] = []
    busy: dict[str, float] = {}
    at = draw.uniform(2.0, 5.0)
    while at < seconds:
        kind = kinds.pop() if kinds else draw.choices(list(FAULTS), list(FAULTS.values()))[0]
        fault = _drawn(draw, kind, at, busy)
        if fault is not None:
            busy[fault.target] = fault.at + fault.lasts + 8.0
            thrown.append(fault)
        at += draw.uniform(1.5, 6.0)
    return thrown


def asks(seed: int, seconds: float) -> Sequence[Ask]:
    """What is asked for, in order. It begins with imports, to have something to strike."""
    draw = random.Random(f"asks/{seed}")
    asked = [Ask(at=0.0, what="large", files=250), Ask(at=1.0, what="small", files=40)]
    first = draw.sample(list(ASKS), len(ASKS))
    at = 6.0
    while at < seconds:
        what = first.pop() if first else draw.choices(list(ASKS), list(ASKS.values()))[0]
        small, large = draw.randint(5, 60), draw.randint(150, 350)
        files = small if what == "small" else large if what in NEW else 0
        lasts = draw.uniform(2.0, 10.0) if what == "pause" else 0.0
        asked.append(Ask(at=at, what=what, files=files, share=draw.random(), lasts=lasts))
        at += draw.uniform(4.0, 14.0)
    return asked


def tree(seed: int, number: int, files: int) -> Mapping[str, object]:
    """A tree with files of all sizes, no two of which have the same bytes. One in a hundred is
    uploaded in parts, and some are no images. Most are SVGs, since JPEGs take long to paint."""
    draw = random.Random(f"tree/{seed}/{number}")
    items: list[Mapping[str, object]] = []
    for n in range(files):
        folder = [f"folder {draw.randrange(5)}"] * draw.randint(0, 1)
        folder += [f"below {draw.randrange(3)}"] * draw.randint(0, 1)
        if n % 5 == 0:
            size = 9 * MIB + draw.randrange(MIB) if n % 100 == 5 else draw.randrange(4_200, 90_000)
            items.append({"path": [*folder, f"picture {n}.jpg"], "size": size})
            continue
        text = SVG.format(f"{seed}/{number}/{n}", "." * draw.randrange(60_000))
        path = [*folder, f"drawing {n}.svg"]
        items.append({"path": path, "kind": "text", "text": text, "mimeType": "image/svg+xml"})
    items += [{"path": [f"notes {n}.txt"], "kind": "text"} for n in range(files // 20)]
    return {"name": f"fire-{number}", "items": items}


def _drawn(draw: random.Random, kind: str, at: float, busy: Mapping[str, float]) -> Fault | None:
    """None if all that it could be thrown at has not recovered from what was thrown before."""
    targets = [each for each in TARGETS[kind] if busy.get(each, 0.0) <= at]
    # Drawn in any case, so that the sequence of draws stays easy to follow.
    choice, lasts, share = draw.random(), _lasts(draw, kind), draw.random()
    drive, kinds = _drive_effect(draw)
    if not targets:
        return None
    target = targets[int(choice * len(targets))]
    if kind != "drive":
        return Fault(at=at, kind=kind, target=target, lasts=lasts, share=share)
    return Fault(at=at, kind=kind, target=target, lasts=lasts, effect=drive, kinds=kinds)


def _lasts(draw: random.Random, kind: str) -> float:
    """A frozen worker sleeps longer than its session of 6 s. One that is stopped may be away for
    long, as one that was removed."""
    low, high = {
        "kill": (0.0, 4.0),
        "stop": (0.0, 25.0),
        "freeze": (7.0, 12.0),
        "add": (15.0, 40.0),
        "kafka": (0.0, 7.0),
        "postgres": (0.0, 6.0),
        "minio": (0.0, 6.0),
        "poison": (0.0, 0.0),
    }.get(kind, (4.0, 15.0))
    return draw.uniform(low, high)


def _drive_effect(draw: random.Random) -> tuple[Mapping[str, object], Sequence[str]]:
    """What Drive does to one request in a few, and to which kinds."""
    media, both, everything = ("media",), ("media", "list"), ("media", "list", "get")
    offset = draw.randrange(4_000)
    refusal: Mapping[str, object] = {"do": "refuse", "reason": draw.choice(REFUSALS)}
    effects: Sequence[tuple[Mapping[str, object], Sequence[str]]] = [
        (refusal, everything),
        (refusal, everything),
        ({"do": "refuse", "reason": "downloadQuotaExceeded"}, media),
        ({"do": "reset"}, both),
        ({"do": "reset", "after_bytes": offset}, media),
        ({"do": "stall", "after_bytes": offset, "seconds": 4}, media),
        ({"do": "truncate", "share": 0.5, "length": "wrong"}, both),
        ({"do": "truncate", "share": 0.7, "length": "right"}, media),
        ({"do": "flip", "offset": offset, "bit": 3}, media),
        ({"do": "latency", "seconds": 0.5, "to_s": 4, "spread": "lognormal"}, both),
        ({"do": "duplicate"}, ("list",)),
        ({"do": "short_page", "size": 7}, ("list",)),
        ({"do": "incomplete"}, ("list",)),
        ({"do": "reject_token"}, ("list",)),
    ]
    return draw.choice(effects)

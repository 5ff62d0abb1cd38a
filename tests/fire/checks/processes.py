"""Each process: within its memory, there all the while, and gone in time when it is told to go."""

from collections.abc import Iterator, Mapping, Sequence

from tests.fire.checks.verdict import Verdict, verdict
from tests.fire.history import Entry

MIB = 1024 * 1024
LIMITS: Mapping[str, int] = {
    "api": 1280 * MIB,
    "lister": 384 * MIB,
    "transfer": 1024 * MIB,
    "indexer": 384 * MIB,
    "monitor": 384 * MIB,
}
"""What `deploy/kubernetes/base` gives each of them; a test compares the two."""
GRACE_SECONDS = 35.0


def bounded_memory(most: Mapping[str, int], limits: Mapping[str, int] = LIMITS) -> Verdict:
    """`most` are the bytes that each process had at its highest."""

    def wrong() -> Iterator[str]:
        for name, size in most.items():
            limit = limits[name.split("-")[0]]
            if size > limit:
                yield f"{name} had {size / MIB:.0f} MiB; its limit is {limit / MIB:.0f} MiB"

    told = ", ".join(f"{name} {size / MIB:.0f}" for name, size in sorted(most.items()))
    return verdict("memory is bounded", f"highest RSS in MiB: {told}", wrong())


def stays(exits: Sequence[Entry], unanswered: Sequence[Entry], closing: Sequence[Entry]) -> Verdict:
    """No service ends by itself, whatever is away, and all goes on when it is back. `closing`
    are what did not come to its end after the fire."""

    def wrong() -> Iterator[str]:
        for entry in exits:
            yield f"at {entry['t']} s {entry['name']} ended by itself: {entry['code']}"
        for entry in unanswered:
            yield f"at {entry['t']} s nobody answered: {entry['asked']}: {entry['why']}"
        for entry in closing:
            yield f"after the fire: {entry['says']}"

    told = "no outage ends a service, and nobody has to help"
    return verdict("outages are survived unattended", told, wrong())


def stops_in_time(stops: Sequence[Entry], grace: float = GRACE_SECONDS) -> Verdict:
    """Exit code 0 within the time that compose gives. One that did not listen yet is ended by
    Python itself, so its code says nothing."""

    def wrong() -> Iterator[str]:
        for entry in stops:
            if entry["seconds"] > grace:
                yield f"at {entry['t']} s {entry['name']} took {entry['seconds']} s to stop"
            elif entry["up"] and entry["code"] != 0:
                yield f"at {entry['t']} s {entry['name']} stopped with {entry['code']}"

    longest = max((entry["seconds"] for entry in stops), default=0.0)
    return verdict(
        "stops are graceful", f"{len(stops)} stops, the longest {longest:.1f} s", wrong()
    )

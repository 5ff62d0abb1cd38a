"""A fault rule: which requests it applies to, and what happens to them."""

import random
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from drive_emulator.auth.authenticator import key_of
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.faults.effect import Memory
from drive_emulator.faults.listing_effects import ListingEffect
from drive_emulator.faults.request_effects import Latency, RequestEffect
from drive_emulator.faults.response_effects import ResponseEffect
from drive_emulator.tree.store import TreeStore
from drive_emulator.validation import InvalidInput, decode

AnyEffect = RequestEffect | ResponseEffect | ListingEffect
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]

MAX_DELAY_MS = 600_000
DELAY_KINDS = (
    *("list", "get", "media", "export", "download"),
    *("about", "drives", "changes", "batch", "token"),
)


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a rule hits. Conditions that are not given match everything.

    `id` is the file in the path or, for a listing, one of the folders in `q`; `name` is that file's
    name and may have `*` and `?`. `q` is a part of the query. Matching requests are numbered from
    1: `first` N of them, every `every`-th, those from `from` to `to`; of these, each is hit with
    `probability`, drawn from `seed`. `after_s` and `for_s` count from when the rule was added, by
    the emulator's clock. After `times` hits the rule is over.
    """

    kinds: list[str] = []
    id: str = ""
    name: str = ""
    q: str = ""
    key: str = ""
    user: str = ""
    first: Count | None = None
    every: Count | None = None
    from_nth: Count | None = msgspec.field(default=None, name="from")
    to_nth: Count | None = msgspec.field(default=None, name="to")
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    after_s: Seconds = 0.0
    for_s: Seconds | None = None
    times: Count | None = None

    def matches(self, context: RequestContext, store: TreeStore) -> bool:
        """Whether the request itself matches, apart from counts and time."""
        return (
            (not self.kinds or context.kind in self.kinds)
            and (not self.key or key_of(context.request) == self.key)
            and (not self.user or context.caller.user == self.user)
            and (not self.q or self.q in context.request.params.get("q", ""))
            and (not self.id or self._has_id(context))
            and (not self.name or self._has_name(context, store))
        )

    def chooses(self, nth: int) -> bool:
        """Whether the nth matching request can be hit."""
        return (
            (self.first is None or nth <= self.first)
            and (self.every is None or nth % self.every == 0)
            and (self.from_nth is None or nth >= self.from_nth)
            and (self.to_nth is None or nth <= self.to_nth)
        )

    def _has_id(self, context: RequestContext) -> bool:
        if context.kind == "list":
            return self.id in context.request.params.get("q", "")
        return context.file_id == self.id

    def _has_name(self, context: RequestContext, store: TreeStore) -> bool:
        file = store.find(context.file_id)
        return file is not None and fnmatchcase(file.entry.name, self.name)


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule as it is written in JSON; `note` is shown in the list of rules."""

    effect: AnyEffect
    match: Match = Match()
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


class BadRule(InvalidInput):
    """A fault rule that cannot be used."""


def parse_rule(text: str | bytes) -> RuleSpec:
    return decode(text, RuleSpec, "rule", BadRule)


def parse_delay(text: str) -> RuleSpec:
    """The rule of a `--delay KIND=MILLISECONDS`; raises `BadRule`."""
    kind, _, number = text.partition("=")
    if kind not in DELAY_KINDS or not number.isdecimal() or int(number) > MAX_DELAY_MS:
        kinds = ", ".join(DELAY_KINDS)
        raise BadRule(f"a delay is KIND=MILLISECONDS, such as list=400; kinds: {kinds}")
    latency = Latency(seconds=int(number) / 1000)
    return RuleSpec(effect=latency, match=Match(kinds=[kind]), note=f"--delay {text}")


class Rule:
    """An active rule; `since` is when it was added."""

    def __init__(self, number: int, spec: RuleSpec, since: float) -> None:
        self.number = number
        self.spec = spec
        self.memory = Memory(spec.match.seed)
        self.matched = 0
        self.hits = 0
        self._since = since
        self._rng = random.Random(spec.match.seed)

    def applies(self, context: RequestContext, store: TreeStore, now: float) -> bool:
        """Whether it hits this request, which is counted."""
        match = self.spec.match
        age = now - self._since
        if age < match.after_s or (match.for_s is not None and age >= match.after_s + match.for_s):
            return False
        if not match.matches(context, store):
            return False
        self.matched += 1
        if match.times is not None and self.hits >= match.times:
            return False
        if not match.chooses(self.matched) or self._rng.random() >= match.probability:
            return False
        self.hits += 1
        return True

    def describe(self) -> dict[str, Any]:
        """The rule as JSON, with how often it matched and hit a request."""
        spec = msgspec.to_builtins(self.spec)
        return {"id": self.number, "matched": self.matched, "hits": self.hits, **spec}

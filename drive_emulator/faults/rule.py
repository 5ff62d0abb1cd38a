"""A rule: which requests it is for, and what happens to them."""

from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from drive_emulator.auth.authenticator import key_of
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.faults.effect import Effect, Memory
from drive_emulator.faults.listing_effects import (
    DropToken,
    Duplicate,
    EmptyForMissing,
    Group,
    Incomplete,
    Omit,
    RejectToken,
    RepeatToken,
    SetFields,
    ShortPage,
)
from drive_emulator.faults.request_effects import IgnoreRange, Latency, Refuse, Silence
from drive_emulator.faults.response_effects import (
    Bare416,
    Flip,
    GzipGarbage,
    Reset,
    Stall,
    Truncate,
    WrongPart,
)
from drive_emulator.tree.store import TreeStore

AnyEffect = (
    Refuse
    | Latency
    | Silence
    | IgnoreRange
    | Stall
    | Truncate
    | Reset
    | Flip
    | WrongPart
    | Bare416
    | GzipGarbage
    | DropToken
    | RepeatToken
    | RejectToken
    | ShortPage
    | Duplicate
    | Omit
    | Group
    | EmptyForMissing
    | Incomplete
    | SetFields
)
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests. What is not given fits all; what is given must all fit.

    `id` is the file of the path or, for a listing, one of the folders in `q`; `name` is that
    file's, with `*` and `?`. `q` is in the query as it stands. The requests that fit so far are
    numbered from 1: `first` N of them, every `every`-th, those from `from` `to`; then lots are
    drawn (`probability`, `seed`). `after_s` and `for_s` count from when the rule was added, by the
    clock. After `times` hits it is over.
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

    def fits(self, context: RequestContext, store: TreeStore) -> bool:
        """What the request is: the rest is up to the rule's counts and to the clock."""
        return (
            (not self.kinds or context.kind in self.kinds)
            and (not self.key or key_of(context.request) == self.key)
            and (not self.user or context.caller.user == self.user)
            and (not self.q or self.q in context.request.params.get("q", ""))
            and (not self.id or self._has_id(context))
            and (not self.name or self._has_name(context, store))
        )

    def chooses(self, nth: int) -> bool:
        """Whether the nth request that fits is one to hit, before lots are drawn."""
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
    """A rule as it is written; `note` is for whoever reads the list of rules."""

    effect: AnyEffect
    match: Match = Match()
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


class BadRule(ValueError):
    """A rule that cannot be used; the message says which part, and what would do."""


def parse_rule(text: str | bytes) -> RuleSpec:
    """The rule in a JSON text; raises `BadRule`."""
    try:
        return msgspec.json.decode(text, type=RuleSpec)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise BadRule(f"not a rule: {why}") from None


class Rule:
    """A rule at work, since a moment of the clock."""

    def __init__(self, number: int, spec: RuleSpec, since: float) -> None:
        self.number = number
        self.spec = spec
        self.memory = Memory(spec.match.seed)
        self.matched = 0
        self.hits = 0
        self._since = since
        self._lots = Memory(spec.match.seed).rng

    @property
    def effect(self) -> Effect:
        return self.spec.effect

    def takes(self, context: RequestContext, store: TreeStore, now: float) -> bool:
        """Whether it hits this request; counts it."""
        match = self.spec.match
        age = now - self._since
        if age < match.after_s or (match.for_s is not None and age >= match.after_s + match.for_s):
            return False
        if not match.fits(context, store):
            return False
        self.matched += 1
        if match.times is not None and self.hits >= match.times:
            return False
        if not match.chooses(self.matched) or self._lots.random() >= match.probability:
            return False
        self.hits += 1
        return True

    def describe(self) -> dict[str, Any]:
        """As it is listed: the rule, and how often it met a request."""
        spec = msgspec.to_builtins(self.spec)
        return {"id": self.number, "matched": self.matched, "hits": self.hits, **spec}

"""The rules of one emulator, and what they do to a request."""

from typing import Any

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import RequestContext, ResponseHooks
from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.faults.effect import Effect, FaultContext
from drive_emulator.faults.rule import BadRule, Rule, RuleSpec
from drive_emulator.http.errors import ApiError
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File

MAX_RULES = 1_000


class ActiveFaults(ResponseHooks):
    """The effects of all rules that hit one request, in the order of the rules."""

    def __init__(self, acts: list[tuple[Effect, FaultContext]]) -> None:
        self._acts = acts

    async def begin(self, context: RequestContext) -> None:
        """Wraps the way out, first of all: what comes of `before` passes it, too."""
        for effect, fault in self._acts:
            context.send = effect.wrap(context.send, fault)
        for effect, fault in self._acts:
            await effect.before(fault)

    def list_request(self, list_request: ListRequest) -> ListRequest:
        for effect, fault in self._acts:
            list_request = effect.list_request(list_request, fault)
        return list_request

    def page(self, page: Page, list_request: ListRequest) -> Page:
        for effect, fault in self._acts:
            page = effect.page(page, list_request, fault)
        return page

    def value(self, value: dict[str, Any], files: list[File]) -> dict[str, Any]:
        for effect, fault in self._acts:
            value = effect.value(value, files, fault)
        return value

    def failed(self, error: ApiError) -> ApiError:
        for effect, fault in self._acts:
            error = effect.failed(error, fault)
        return error


class Faults:
    """What tests have ordered to go wrong."""

    def __init__(self, store: TreeStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rules: dict[int, Rule] = {}
        self._last = 0

    @property
    def any(self) -> bool:
        return bool(self._rules)

    @property
    def rules(self) -> list[Rule]:
        """In the order in which they were added, and take hold."""
        return list(self._rules.values())

    def add(self, spec: RuleSpec) -> Rule:
        """Raises `BadRule` if there are too many."""
        if len(self._rules) >= MAX_RULES:
            raise BadRule(f"there are {MAX_RULES:,} rules already")
        self._last += 1
        self._rules[self._last] = Rule(self._last, spec, self._clock.now())
        return self._rules[self._last]

    def remove(self, number: int) -> bool:
        """Whether it was there."""
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        self._rules.clear()

    async def meet(self, context: RequestContext) -> None:
        """Let every rule that hits this request act; raises what they raise."""
        now = self._clock.now()
        acts = []
        for rule in self._rules.values():
            fault = FaultContext(context, rule.memory, self._store, self._clock)
            hit = rule.takes(context, self._store, now)
            if hit or (rule.effect.lasts and self._goes_on(rule, fault)):
                acts.append((rule.effect, fault))
        if acts:
            acting = ActiveFaults(acts)
            context.hooks = acting
            await acting.begin(context)

    def _goes_on(self, rule: Rule, fault: FaultContext) -> bool:
        if fault.context.kind not in (rule.spec.match.kinds or [fault.context.kind]):
            return False
        if not rule.effect.still(fault):
            return False
        rule.hits += 1
        return True

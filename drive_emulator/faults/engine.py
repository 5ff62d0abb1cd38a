"""The rules of one emulator, and what they do to a request."""

from typing import Any

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import Effects, Exchange
from drive_emulator.drive_api.listing import Asked, Page
from drive_emulator.faults.effect import Act, Effect
from drive_emulator.faults.rule import BadRule, Rule, RuleSpec
from drive_emulator.http.errors import ApiError
from drive_emulator.tree.store import Forest
from drive_emulator.tree.tree import File

MOST_RULES = 1_000


class Acting(Effects):
    """The effects of all rules that hit one request, in the order of the rules."""

    def __init__(self, acts: list[tuple[Effect, Act]]) -> None:
        self._acts = acts

    async def begin(self, exchange: Exchange) -> None:
        """Wraps the way out, first of all: what comes of `before` passes it, too."""
        for effect, act in self._acts:
            exchange.send = effect.wrap(exchange.send, act)
        for effect, act in self._acts:
            await effect.before(act)

    def asked(self, asked: Asked) -> Asked:
        for effect, act in self._acts:
            asked = effect.asked(asked, act)
        return asked

    def page(self, page: Page, asked: Asked) -> Page:
        for effect, act in self._acts:
            page = effect.page(page, asked, act)
        return page

    def value(self, value: dict[str, Any], files: list[File]) -> dict[str, Any]:
        for effect, act in self._acts:
            value = effect.value(value, files, act)
        return value

    def failed(self, error: ApiError) -> ApiError:
        for effect, act in self._acts:
            error = effect.failed(error, act)
        return error


class Faults:
    """What tests have ordered to go wrong."""

    def __init__(self, forest: Forest, clock: Clock) -> None:
        self._forest = forest
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
        if len(self._rules) >= MOST_RULES:
            raise BadRule(f"there are {MOST_RULES:,} rules already")
        self._last += 1
        self._rules[self._last] = Rule(self._last, spec, self._clock.now())
        return self._rules[self._last]

    def remove(self, number: int) -> bool:
        """Whether it was there."""
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        self._rules.clear()

    async def meet(self, exchange: Exchange) -> None:
        """Let every rule that hits this request act; raises what they raise."""
        now = self._clock.now()
        acts = []
        for rule in self._rules.values():
            act = Act(exchange, rule.memory, self._forest, self._clock)
            hit = rule.takes(exchange, self._forest, now)
            if hit or (rule.effect.lasts and self._goes_on(rule, act)):
                acts.append((rule.effect, act))
        if acts:
            acting = Acting(acts)
            exchange.effects = acting
            await acting.begin(exchange)

    def _goes_on(self, rule: Rule, act: Act) -> bool:
        if act.exchange.kind not in (rule.spec.match.kinds or [act.exchange.kind]):
            return False
        if not rule.effect.still(act):
            return False
        rule.hits += 1
        return True

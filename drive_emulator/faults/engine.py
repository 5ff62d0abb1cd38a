"""The fault rules of one emulator, and how they act on a request."""

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import Hooks, Json, RequestContext
from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.faults.effect import Effect, Hit
from drive_emulator.faults.rule import BadRule, Rule, RuleSpec
from drive_emulator.http.errors import ApiError
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File

MAX_RULES = 1_000


class ActiveFaults(Hooks):
    """The effects of all rules that hit one request, in the order of the rules."""

    def __init__(self, hits: list[tuple[Effect, Hit]]) -> None:
        self._hits = hits

    async def begin(self, context: RequestContext) -> None:
        """Wrap `send` first: errors that `before` raises pass through it too."""
        for effect, hit in self._hits:
            context.send = effect.wrap(context.send, hit)
        for effect, hit in self._hits:
            await effect.before(hit)

    def list_request(self, request: ListRequest) -> ListRequest:
        for effect, hit in self._hits:
            request = effect.list_request(request, hit)
        return request

    def page(self, page: Page, request: ListRequest) -> Page:
        for effect, hit in self._hits:
            page = effect.page(page, request, hit)
        return page

    def body(self, body: Json, files: list[File]) -> Json:
        for effect, hit in self._hits:
            body = effect.body(body, files, hit)
        return body

    def error(self, error: ApiError) -> ApiError:
        for effect, hit in self._hits:
            error = effect.error(error, hit)
        return error


class Faults:
    """All fault rules, in the order in which they were added and act."""

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
        return list(self._rules.values())

    def add(self, spec: RuleSpec) -> Rule:
        """Raises `BadRule` if there are too many."""
        if len(self._rules) >= MAX_RULES:
            raise BadRule(f"there can be {MAX_RULES:,} rules at most")
        self._last += 1
        self._rules[self._last] = Rule(self._last, spec, self._clock.now())
        return self._rules[self._last]

    def remove(self, number: int) -> bool:
        """Whether there was such a rule. Requests that it delays go on at once."""
        rule = self._rules.pop(number, None)
        if rule is not None:
            rule.memory.release()
        return rule is not None

    def clear(self) -> None:
        for number in [*self._rules]:
            self.remove(number)

    async def apply(self, context: RequestContext) -> None:
        """Let every rule that hits this request act; raises what their effects raise."""
        now = self._clock.now()
        hits: list[tuple[Effect, Hit]] = []
        for rule in self._rules.values():
            hit = Hit(context, rule.memory, self._store, self._clock)
            chosen = rule.applies(context, self._store, now)
            if chosen or (rule.spec.effect.sticky and self._still_active(rule, hit)):
                hits.append((rule.spec.effect, hit))
        if hits:
            faults = ActiveFaults(hits)
            context.hooks = faults
            await faults.begin(context)

    def _still_active(self, rule: Rule, hit: Hit) -> bool:
        kinds = rule.spec.match.kinds
        if (kinds and hit.context.kind not in kinds) or not rule.spec.effect.still_active(hit):
            return False
        rule.hits += 1
        return True

"""What all effects have: the hooks, and what they are given."""

import random
from typing import Any, ClassVar

import msgspec

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.http.errors import ApiError
from drive_emulator.http.messages import Send
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File

_MAX_REMEMBERED = 100_000


class Memory:
    """What one rule keeps between two requests: bounded, the oldest is forgotten first."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._kept: dict[str, Any] = {}

    def put(self, name: str, value: Any) -> None:
        if len(self._kept) >= _MAX_REMEMBERED and name not in self._kept:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = value

    def get(self, name: str) -> Any:
        """None for what was never put, or is forgotten."""
        return self._kept.get(name)


class FaultContext:
    """One effect taking hold of one request."""

    __slots__ = ("clock", "context", "memory", "store")

    def __init__(
        self, context: RequestContext, memory: Memory, store: TreeStore, clock: Clock
    ) -> None:
        self.context = context
        self.memory = memory
        self.store = store
        self.clock = clock


class Effect(msgspec.Struct, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """Every hook passes on what it is given; an effect is those that it overrides."""

    lasts: ClassVar[bool] = False
    """Whether `still` may take hold of requests that the rule's conditions do not choose."""

    async def before(self, fault: FaultContext) -> None:
        """Before the handler: may wait, raise `ApiError` or change `act.exchange.request`."""

    def still(self, fault: FaultContext) -> bool:
        """Whether an earlier hit goes on."""
        return False

    def list_request(self, list_request: ListRequest, fault: FaultContext) -> ListRequest:
        return list_request

    def page(self, page: Page, list_request: ListRequest, fault: FaultContext) -> Page:
        return page

    def value(
        self, value: dict[str, Any], files: list[File], fault: FaultContext
    ) -> dict[str, Any]:
        return value

    def failed(self, error: ApiError, fault: FaultContext) -> ApiError:
        return error

    def wrap(self, send: Send, fault: FaultContext) -> Send:
        """Around everything that is sent."""
        return send

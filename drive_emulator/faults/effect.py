"""What all effects have: the hooks, and what they are given."""

import random
from typing import Any, ClassVar

import msgspec

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import Exchange
from drive_emulator.drive_api.listing import Asked, Page
from drive_emulator.http.errors import ApiError
from drive_emulator.http.messages import Send
from drive_emulator.tree.store import Forest
from drive_emulator.tree.tree import File

_MOST_REMEMBERED = 100_000


class Memory:
    """What one rule keeps between two requests: bounded, the oldest is forgotten first."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._kept: dict[str, Any] = {}

    def put(self, name: str, value: Any) -> None:
        if len(self._kept) >= _MOST_REMEMBERED and name not in self._kept:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = value

    def get(self, name: str) -> Any:
        """None for what was never put, or is forgotten."""
        return self._kept.get(name)


class Act:
    """One effect taking hold of one request."""

    __slots__ = ("clock", "exchange", "forest", "memory")

    def __init__(self, exchange: Exchange, memory: Memory, forest: Forest, clock: Clock) -> None:
        self.exchange = exchange
        self.memory = memory
        self.forest = forest
        self.clock = clock


class Effect(msgspec.Struct, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """Every hook passes on what it is given; an effect is those that it overrides."""

    lasts: ClassVar[bool] = False
    """Whether `still` may take hold of requests that the rule's conditions do not choose."""

    async def before(self, act: Act) -> None:
        """Before the handler: may wait, raise `ApiError` or change `act.exchange.request`."""

    def still(self, act: Act) -> bool:
        """Whether an earlier hit goes on."""
        return False

    def asked(self, asked: Asked, act: Act) -> Asked:
        return asked

    def page(self, page: Page, asked: Asked, act: Act) -> Page:
        return page

    def value(self, value: dict[str, Any], files: list[File], act: Act) -> dict[str, Any]:
        return value

    def failed(self, error: ApiError, act: Act) -> ApiError:
        return error

    def wrap(self, send: Send, act: Act) -> Send:
        """Around everything that is sent."""
        return send

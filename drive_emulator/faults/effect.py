"""What all effects of fault rules have in common: the hooks, and what they are given."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import Json, RequestContext
from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.http.errors import ApiError
from drive_emulator.http.messages import Send
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File

_MAX_REMEMBERED = 100_000


class Memory:
    """What one rule remembers between requests; the oldest is forgotten when there is too much."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._values: dict[str, Any] = {}
        self._removed = asyncio.Event()

    async def hold(self, seconds: float) -> None:
        """Wait for so long, or until the rule is removed: then it holds nobody any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._removed.wait()

    def release(self) -> None:
        """The rule was removed: end what `hold` waits for."""
        self._removed.set()

    def put(self, name: str, value: Any) -> None:
        if len(self._values) >= _MAX_REMEMBERED and name not in self._values:
            del self._values[next(iter(self._values))]
        self._values[name] = value

    def get(self, name: str) -> Any:
        """None if it is unknown or forgotten."""
        return self._values.get(name)


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that applies to one request."""

    context: RequestContext
    memory: Memory
    store: TreeStore
    clock: Clock


class Effect(msgspec.Struct, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """Every hook passes on what it is given; an effect overrides some of them."""

    sticky: ClassVar[bool] = False
    """Whether `still_active` can apply to requests that the rule's conditions do not choose."""

    async def before(self, hit: Hit) -> None:
        """Before the handler: may wait, raise `ApiError` or change `hit.context.request`."""

    def still_active(self, hit: Hit) -> bool:
        """Whether an earlier hit lasts until now."""
        return False

    def list_request(self, request: ListRequest, hit: Hit) -> ListRequest:
        return request

    def page(self, page: Page, request: ListRequest, hit: Hit) -> Page:
        return page

    def body(self, body: Json, files: list[File], hit: Hit) -> Json:
        return body

    def error(self, error: ApiError, hit: Hit) -> ApiError:
        return error

    def wrap(self, send: Send, hit: Hit) -> Send:
        """Wrap everything that is sent."""
        return send

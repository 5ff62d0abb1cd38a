"""What can be turned while the emulator runs: keys, tokens, the clock, and knobs."""

from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import msgspec

from drive_emulator.auth.authenticator import DEFAULT_LIFE_S, KeyState
from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.knobs import BadKnob
from drive_emulator.drive_api.routing import Handler, Route
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body

OURS = "/_emu/"
Shape = TypeVar("Shape")
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    key: Text
    state: KeyState = KeyState.OK


class _Bearer(msgspec.Struct, forbid_unknown_fields=True):
    account: Text
    token: Text | None = None
    life_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = DEFAULT_LIFE_S


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance: float


def routes(state: State) -> list[Route]:
    """Where all that is turned."""
    turning = _Turning(state)

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(method, f"{OURS}{path}", "emu", handle, open=True)

    return [
        route("GET", "keys", turning.keys),
        route("POST", "keys", turning.set_key),
        route("POST", "bearers", turning.issue),
        route("DELETE", "bearers/{token}", turning.revoke),
        route("GET", "clock", turning.clock),
        route("POST", "clock", turning.advance),
        route("GET", "knobs", turning.knobs),
        route("PATCH", "knobs", turning.turn),
    ]


class _Turning:
    def __init__(self, state: State) -> None:
        self._world = state

    async def keys(self, context: RequestContext) -> None:
        await context.answer({"keys": self._world.access.keys})

    async def set_key(self, context: RequestContext) -> None:
        wanted = await read_as(context, _Key)
        try:
            self._world.access.set_key(wanted.key, wanted.state)
        except ValueError as why:
            raise control_error(str(why)) from None
        await self.keys(context)

    async def issue(self, context: RequestContext) -> None:
        wanted = await read_as(context, _Bearer)
        tokens = self._world.tokens
        if wanted.token is None:
            token = tokens.issue(wanted.account, wanted.life_s)
        else:
            token = wanted.token
            tokens.fix(token, wanted.account, wanted.life_s)
        answer = {"access_token": token, "account": wanted.account, "expires_in": wanted.life_s}
        await context.answer(answer, 201)

    async def revoke(self, context: RequestContext) -> None:
        self._world.tokens.revoke(context.names[0])
        await context.answer({})

    async def clock(self, context: RequestContext) -> None:
        await context.answer({"now": self._world.clock.now()})

    async def advance(self, context: RequestContext) -> None:
        wanted = await read_as(context, _Advance)
        try:
            self._world.clock.advance(wanted.advance)
        except ValueError as why:
            raise control_error(str(why)) from None
        await self.clock(context)

    async def knobs(self, context: RequestContext) -> None:
        await context.answer(asdict(self._world.knobs))

    async def turn(self, context: RequestContext) -> None:
        wanted = await read_as(context, dict[str, Any])
        try:
            self._world.knobs.change(wanted)
        except BadKnob as why:
            raise control_error(str(why)) from None
        await self.knobs(context)


async def read_as(context: RequestContext, shape: type[Shape]) -> Shape:
    """The JSON body; raises `ApiError` 400 with a sentence if it is of another shape."""
    try:
        return msgspec.json.decode(await read_body(context.receive), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise control_error(f"not understood: {why}") from None

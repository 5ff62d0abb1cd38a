"""The rest of the control API: keys, tokens, clock, knobs, quota, fault rules and the log."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from drive_emulator.auth.authenticator import DEFAULT_LIFE_S, KeyState
from drive_emulator.auth.service_accounts import EMAIL
from drive_emulator.control.request_log import encode_lines
from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Handler, Route
from drive_emulator.faults.rule import parse_rule
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body, send_lines
from drive_emulator.quota.enforcement import KEPT_S
from drive_emulator.quota.settings import changed
from drive_emulator.validation import Shape, decode

_DEFAULT_LAST_S = "120"
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
_Email = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,100}@[^@\s]{1,150}$")]


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    key: _Text
    state: KeyState = KeyState.OK


class _Bearer(msgspec.Struct, forbid_unknown_fields=True):
    account: _Text
    token: _Text | None = None
    life_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = DEFAULT_LIFE_S


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance: float


class _ServiceAccount(msgspec.Struct, forbid_unknown_fields=True):
    email: _Email = EMAIL


def routes(state: State) -> list[Route]:
    control = Settings(state)
    handlers = {
        "GET health": _show(lambda: {"status": "ok"}),
        "GET addresses": _show(lambda: state.addresses),
        "GET keys": _show(control.keys),
        "POST keys": control.set_key,
        "POST bearers": control.issue_token,
        "DELETE bearers/{token}": control.revoke_token,
        "POST service-accounts": control.create_service_account,
        "GET clock": _show(control.now),
        "POST clock": control.advance_clock,
        "GET knobs": _show(lambda: state.knobs),
        "PATCH knobs": control.change_knobs,
        "GET quota": control.quota,
        "POST quota": control.change_quota,
        "DELETE quota": control.reset_quota,
        "GET faults": _show(control.rules),
        "POST faults": control.add_fault,
        "DELETE faults": control.clear_faults,
        "DELETE faults/{number}": control.remove_fault,
        "GET log": control.log,
        "DELETE log": control.reset_log,
        "GET counts": _show(lambda: state.log.counts()),
        "GET requests": _show(lambda: state.log.totals()),
    }
    return [
        Route(method, f"/_emu/{path}", "emu", handler)
        for (method, path), handler in ((name.split(), each) for name, each in handlers.items())
    ]


def _show(value: Callable[[], Any]) -> Handler:
    async def handler(context: RequestContext) -> None:
        await context.send_json(value())

    return handler


class Settings:
    def __init__(self, state: State) -> None:
        self._state = state

    def keys(self) -> dict[str, Any]:
        return {"keys": self._state.authenticator.keys}

    def now(self) -> dict[str, float]:
        return {"now": self._state.clock.now()}

    def rules(self) -> dict[str, Any]:
        return {"rules": [rule.describe() for rule in self._state.faults.rules]}

    async def set_key(self, context: RequestContext) -> None:
        wanted = await _read(context, _Key, "key")
        self._state.authenticator.set_key(wanted.key, wanted.state)
        await context.send_json(self.keys())

    async def issue_token(self, context: RequestContext) -> None:
        wanted = await _read(context, _Bearer, "bearer")
        tokens, token = self._state.tokens, wanted.token
        if token is None:
            token = tokens.issue(wanted.account, wanted.life_s)
        else:
            tokens.add(token, wanted.account, wanted.life_s)
        body = {"access_token": token, "account": wanted.account, "expires_in": wanted.life_s}
        await context.send_json(body, 201)

    async def revoke_token(self, context: RequestContext) -> None:
        self._state.tokens.revoke(context.names[0])
        await context.send_json({})

    async def create_service_account(self, context: RequestContext) -> None:
        body = await read_body(context.receive) or b"{}"
        email = decode(body, _ServiceAccount, "service account").email
        token_uri = f"{context.request.origin}/token"
        accounts = self._state.service_accounts
        try:
            account = await self._state.worker.run(lambda: accounts.make(token_uri, email))
        except ImportError as why:
            message = f"service accounts need the package cryptography: {why}"
            raise control_error(message, 501) from None
        await context.send_json(account, 201)

    async def advance_clock(self, context: RequestContext) -> None:
        self._state.clock.advance((await _read(context, _Advance, "advance")).advance)
        await context.send_json(self.now())

    async def change_knobs(self, context: RequestContext) -> None:
        self._state.knobs.change(await _read(context, dict[str, Any], "object of knobs"))
        await context.send_json(self._state.knobs)

    async def quota(self, context: RequestContext) -> None:
        last_s = context.request.params.get("seconds", _DEFAULT_LAST_S)
        if not last_s.isdecimal() or len(last_s) > 9:
            raise control_error(f"seconds must be a number; {KEPT_S} are kept")
        await context.send_json(self._state.quota.report(int(last_s)))

    async def change_quota(self, context: RequestContext) -> None:
        quota = self._state.quota
        quota.change(changed(quota.settings, await _read(context, Any, "quota")))
        await context.send_json(quota.report(0))

    async def reset_quota(self, context: RequestContext) -> None:
        self._state.quota.reset()
        await context.send_json(self._state.quota.report(0))

    async def add_fault(self, context: RequestContext) -> None:
        rule = self._state.faults.add(parse_rule(await read_body(context.receive)))
        await context.send_json(rule.describe(), 201)

    async def clear_faults(self, context: RequestContext) -> None:
        self._state.faults.clear()
        await context.send_json(self.rules())

    async def remove_fault(self, context: RequestContext) -> None:
        number = context.names[0][:18]
        if not number.isdecimal() or not self._state.faults.remove(int(number)):
            raise control_error(f"there is no rule {number}", 404)
        await context.send_json(self.rules())

    async def log(self, context: RequestContext) -> None:
        params = context.request.params
        since = params.get("since", "0")
        if not since.isdecimal() or len(since) > 18:
            raise control_error("since must be the number of a line; later lines are sent")
        lines = self._state.log.lines(params.get("kind", ""), int(since))
        await send_lines(context.send, encode_lines(lines))

    async def reset_log(self, context: RequestContext) -> None:
        self._state.log.reset()
        await context.send_json(self._state.log.counts())


async def _read(context: RequestContext, shape: type[Shape], name: str) -> Shape:
    return decode(await read_body(context.receive), shape, name)

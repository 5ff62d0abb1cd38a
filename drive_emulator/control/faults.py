"""`/_emu/faults`: rules are added, listed with their hits, and taken away."""

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.faults.engine import Faults
from drive_emulator.faults.rule import BadRule, parse_rule
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body


def routes(faults: Faults) -> list[Route]:
    """Where rules are given."""
    control = _Control(faults)
    every, one = "/_emu/faults", "/_emu/faults/{number}"
    return [
        Route("GET", every, "emu", control.list, open=True),
        Route("POST", every, "emu", control.add, open=True),
        Route("DELETE", every, "emu", control.clear, open=True),
        Route("DELETE", one, "emu", control.remove, open=True),
    ]


class _Control:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def list(self, context: RequestContext) -> None:
        await context.answer({"rules": [rule.describe() for rule in self._faults.rules]})

    async def add(self, context: RequestContext) -> None:
        try:
            rule = self._faults.add(parse_rule(await read_body(context.receive)))
        except BadRule as why:
            raise control_error(str(why)) from None
        await context.answer(rule.describe(), 201)

    async def clear(self, context: RequestContext) -> None:
        self._faults.clear()
        await self.list(context)

    async def remove(self, context: RequestContext) -> None:
        number = context.file_id
        if not number.isdecimal() or not self._faults.remove(int(number[:18])):
            raise control_error(f"there is no rule {number[:18]}", 404)
        await self.list(context)
